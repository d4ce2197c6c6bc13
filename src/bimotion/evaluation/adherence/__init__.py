"""Does a motion do what the sentence says? Judges by kinematics, checked on recordings, and prompt lists."""
