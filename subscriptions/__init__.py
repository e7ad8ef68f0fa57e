"""What we ask of Graph: create, renew, reconcile, recover and remove subscriptions."""
