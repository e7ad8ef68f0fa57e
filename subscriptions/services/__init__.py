"""Use cases, one public function for each verb."""
