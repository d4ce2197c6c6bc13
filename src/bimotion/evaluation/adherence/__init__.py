"""How well a motion follows its sentence: kinematic judges, checked on recordings, and prompt lists."""
