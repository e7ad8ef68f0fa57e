"""Each notification belongs to the workload of the entry that brought it."""

import pytest

from subscriptions import catalogue
from subscriptions.catalogue import Entry


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.path)
def test_the_type_and_the_path_of_every_entry_lead_to_its_workload(entry: Entry) -> None:
    assert catalogue.workload_of(f"#Microsoft.Graph.{entry.resource_type}", entry.path) == entry.workload


@pytest.mark.parametrize(
    ("resource_type", "resource", "workload"),
    [
        ("message", "Users/u1/Messages/AAMk1", "Outlook"),
        ("#Microsoft.Graph.aadUserConversationMember", "teams('1')/members('2')", "Teams"),
        ("printJob", "print/printers/1/jobs/2", "Print"),
        ("listItem", "sites/1/lists/2", "SharePoint"),
        ("alert", "reports/healthMonitoring/alerts/1", "Entra health monitoring"),
        ("alert", "security/alerts/1", "Security"),
        ("", "drives/1/root", "OneDrive"),
        ("", "Users/u1/messages", "Outlook"),
        ("callrecord", "communications/callRecords/1", "Teams calls"),
        ("", "", ""),
        ("spam", "no/such/thing", ""),
    ],
)
def test_what_a_notification_says_of_itself_is_enough(
    resource_type: str, resource: str, workload: str
) -> None:
    assert catalogue.workload_of(resource_type, resource) == workload
