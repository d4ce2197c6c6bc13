import numpy as np
import pytest

from bimotion.render.body import body_points, body_scale
from bimotion.render.raster import PARTS, Camera, _Canvas, draw_body, floor_points, floor_shadow
from tests.render.drawn_person import make_clip


def camera(azimuth: float = 0.0, elevation: float = 0.2, pixels: int = 100) -> Camera:
    return Camera(azimuth, elevation, (0.0, 0.9, 0.0), (100.0, 120.0), float(pixels), (200, 240))


def test_axes_are_right_handed_and_face_the_viewer() -> None:
    axes = camera(0.7, 0.4).axes()
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.cross(axes[0], axes[1]), axes[2], atol=1e-12)
    assert camera(np.pi / 2, 0.0).axes()[2] @ [1, 0, 0] == pytest.approx(1)


def test_a_sphere_has_its_area_and_depth() -> None:
    canvas = _Canvas(camera())
    with np.errstate(invalid="ignore"):
        canvas.sphere(np.array([0.1, -0.2, 0.5]), 0.3, 0)
    seen = np.isfinite(canvas.depth)
    assert seen.sum() / 100**2 == pytest.approx(np.pi * 0.09, rel=0.01)
    assert canvas.depth.max() == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("radius_b", [0.2, 0.1, 0.15])
def test_a_cone_meets_its_spheres_without_a_step(radius_b: float) -> None:
    """Seen from the side, every surface point lies as far from the axis as the tangent cone says."""
    a, b = np.array([-0.4, 0.1, 0.0]), np.array([0.4, -0.1, 0.3])
    canvas = _Canvas(camera())
    with np.errstate(invalid="ignore"):
        canvas.cone(a, b, 0.2, radius_b, 0)
    rows, columns = np.nonzero(np.isfinite(canvas.depth))
    x, y = canvas.x[0, columns], canvas.y[rows, 0]
    points = np.stack([x, y, canvas.depth[rows, columns]], axis=-1).astype(float)
    axis = (b - a) / np.linalg.norm(b - a)
    along = (points - a) @ axis
    away = np.linalg.norm(points - a - along[:, None] * axis, axis=-1)
    sin = (0.2 - radius_b) / np.linalg.norm(b - a)
    np.testing.assert_allclose(away, (0.2 - along * sin) / np.sqrt(1 - sin**2), atol=2e-4)
    normals = canvas.normal[rows, columns]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-3)


def test_an_ellipsoid_of_equal_radii_is_a_sphere() -> None:
    round_, sphere = _Canvas(camera()), _Canvas(camera())
    turn = camera(0.9, 0.3).axes()
    with np.errstate(invalid="ignore"):
        round_.ellipsoid(np.array([0.1, 0.2, 0.3]), turn, np.full(3, 0.4), 1)
        sphere.sphere(np.array([0.1, 0.2, 0.3]), 0.4, 1)
    both = np.isfinite(round_.depth) & np.isfinite(sphere.depth)
    assert both.sum() > 4900
    np.testing.assert_allclose(round_.depth[both], sphere.depth[both], atol=1e-2)
    np.testing.assert_allclose(round_.normal[both], sphere.normal[both], atol=2e-2)


def test_from_the_front_the_left_arm_is_on_the_right_of_the_picture() -> None:
    clip = make_clip(3)  # the left arm stands out sideways in the middle frame
    surface = draw_body(body_points(clip)[1], body_scale(clip), camera())
    left = surface.part == PARTS.index("left")
    seen = np.isfinite(surface.depth)
    assert np.nonzero(left & seen)[1].max() > 150
    right = surface.part == PARTS.index("right")
    assert np.nonzero(right & seen)[1].max() < 110


def test_the_visor_is_seen_from_the_front_only() -> None:
    clip = make_clip(1)
    counts = []
    for azimuth in (0.0, np.pi):
        surface = draw_body(body_points(clip)[0], body_scale(clip), camera(azimuth))
        counts.append(int((np.isfinite(surface.depth) & (surface.part == PARTS.index("visor"))).sum()))
    assert counts[0] > 20
    assert counts[1] == 0


def test_floor_points_are_seen_where_they_are() -> None:
    view = camera(0.5, 0.3)
    x, z = floor_points(view)
    points = np.stack([x[200, 50], 0 * x[200, 50], z[200, 50]])
    at = view.view(points)
    columns, rows = view.pixel_grid()
    np.testing.assert_allclose(at[:2], [columns[0, 50], rows[200, 0]], atol=1e-5)


def test_the_shadow_lies_at_the_feet() -> None:
    clip = make_clip(1)
    points = body_points(clip)[0]
    view = camera(0.5, 0.3)
    dark = floor_shadow(points, body_scale(clip), view)
    x, z = floor_points(view)
    for side in (7, 8):  # ankles
        near = np.hypot(x - points[side, 0], z - points[side, 2]) < 0.02
        assert dark[near].min() > 0.6
    assert dark[np.hypot(x, z) > 2].max(initial=0) == 0
