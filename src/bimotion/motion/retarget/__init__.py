"""Any humanoid skeleton to the 22 joints, and the 22 joints to any character."""
