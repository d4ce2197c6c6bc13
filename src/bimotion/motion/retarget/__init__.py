"""Any skeleton to the 22 joints."""
