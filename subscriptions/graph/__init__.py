"""The one way out of the house: everything said to Microsoft Graph and to its sign-in service."""
