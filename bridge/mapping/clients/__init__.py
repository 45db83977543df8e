"""What clients show and tell beside messages: widgets and receipts."""
