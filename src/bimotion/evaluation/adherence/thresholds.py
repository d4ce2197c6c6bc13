"""All thresholds of the judges; chosen on recordings (`bimotion adherence --check`)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Limits of the judges, in the units of `course`: metres of a body with legs of 0.82 m, seconds, degrees."""

    moving_speed: float = 0.25
    """The pelvis travels above this speed."""
    walk_max_speed: float = 1.75
    """Whoever travels faster runs."""
    run_min_speed: float = 1.2
    """No run is slower."""
    jog_speed: float = 1.6
    """Whoever is faster and leaves the floor runs."""
    run_flight_share: float = 0.08
    """Least share of a run's frames in which both feet are off the floor."""
    run_double_share: float = 0.08
    """A walk stands on both feet for a larger share of its frames."""
    gait_seconds: float = 0.6
    """Shortest walk or run."""
    still_speed: float = 0.30
    """Head, wrists and ankles all stay below this speed while somebody is still."""
    still_seconds: float = 0.5
    """Shortest time that counts as standing still."""
    step_length: float = 0.12
    """Least distance over the floor that a foot moves in a step."""
    step_speed: float = 0.35
    """A foot is on its way above this speed over the floor."""
    jump_seconds: float = 0.15
    """Shortest flight of a jump or hop."""
    jump_foot_height: float = 0.07
    """Least height of the lower foot in a jump."""
    hop_foot_height: float = 0.045
    """The same of a hop on one leg."""
    turn_rate: float = 20.0
    """Degrees a second above which the body is turning."""
    turn_degrees: float = 35.0
    """Least angle of a turn."""
    turn_around_degrees: tuple[float, float] = (115.0, 250.0)
    """Angles that are a turn around (half a turn)."""
    quarter_degrees: tuple[float, float] = (50.0, 130.0)
    """Angles that are a quarter turn."""
    full_degrees: tuple[float, float] = (270.0, 460.0)
    """Angles that are a full turn."""
    crouch_pelvis: float = 0.85
    """The pelvis of somebody who squats, crouches, sits or kneels is lower, as a share of its standing height."""
    upright_pelvis: float = 0.90
    """The pelvis of somebody who stands is higher."""
    rise_of_pelvis: float = 0.11
    """Least rise of the pelvis when somebody stands up, as a share of its standing height."""
    sit_thigh: float = 48.0
    """Least angle of both thighs from hanging down when sitting."""
    sit_behind: float = 0.05
    """The pelvis is at least so far behind the ankles when sitting on a seat."""
    sit_seconds: float = 0.5
    """Shortest time of sitting."""
    floor_pelvis: float = 0.42
    """The pelvis of somebody who sits, lies or kneels low on the floor is below this share."""
    knee_floor: float = 0.42
    """Height of a knee that is on the floor."""
    knee_over_ankle: float = 0.24
    """Most that a knee on the floor is higher than its ankle."""
    lie_tilt: float = 42.0
    """Least tilt of the trunk when lying."""
    bend_forward: float = 28.0
    """Least forward lean of a bend."""
    lean_forward: float = 12.0
    """Least forward lean of the trunk that is called leaning."""
    lean_back: float = 8.0
    """Least backward lean."""
    lean_side: float = 7.0
    """Least sideways lean."""
    floor_hand: float = 0.50
    """Height of a wrist that reaches for the floor."""
    raised_hand: float = -0.15
    """Height of a raised wrist against its shoulder."""
    over_head: float = 0.08
    """Height of a wrist above the head joint when a hand is overhead."""
    rise_of_hand: float = 0.20
    """Least rise of a wrist that is being raised."""
    hand_at_head: float = 0.33
    """Distance of a wrist from the head joint when a hand is at the mouth, the ear or the head."""
    held_ahead: float = 0.09
    """Least distance ahead of the upper spine of a hand that holds something in front."""
    held_up: tuple[float, float] = (-0.30, 0.35)
    """Its height against the upper spine."""
    hands_together: float = 0.24
    """Distance between wrists when hands meet."""
    arms_spread: float = 0.95
    """Distance between the wrists when arms are spread."""
    kick_height: float = 0.18
    """Least height of the foot in a kick."""
    high_kick: float = 0.45
    """A foot higher than this kicks in any direction."""
    kick_reach: float = 0.27
    """Least distance of the foot from under the hip, forward or outward, at the top of a kick."""
    swing_speed: float = 5.0
    """Least forward speed of the foot against the hip in a kick at something low; runs stay below it."""
    kick_speed: float = 1.8
    """Least speed of the foot in a kick."""
    punch_speed: float = 2.0
    """Least speed of the wrist against the chest in a punch."""
    throw_speed: float = 1.9
    """Least speed of the wrist against the chest in a throw."""
    wave_swing: float = 0.05
    """Least sway of the wrist about the elbow in a wave, from side to side."""
    balance_seconds: float = 0.7
    """Shortest time on one leg that is called balancing."""
    lifted_foot: float = 0.10
    """Height of a lifted foot."""
    high_knee: float = 55.0
    """Angle of the thigh of a lifted knee."""
    climb_height: float = 0.12
    """Rise of the standing height of the feet when somebody climbs or steps up."""
    tiptoe_heel: float = 0.035
    """Height of the lower ankle over its height in standing, on tiptoe."""
