// What lies on the floor: a metre grid that fades out, the path of the root, a mark for where the body faces.
import {
  BufferAttribute,
  BufferGeometry,
  Color,
  DoubleSide,
  Group,
  Mesh,
  MeshBasicMaterial,
  PlaneGeometry,
  RingGeometry,
  ShaderMaterial,
  ShadowMaterial,
  Shape,
  ShapeGeometry,
  Vector2,
} from "three";
import type { MotionClip } from "./data";
import { JOINT } from "./skeleton";

const SIZE = 80; // metres; the grid has faded out long before its edge

export class Floor {
  readonly group = new Group();
  private readonly grid: ShaderMaterial;
  private readonly shadow = new ShadowMaterial({ depthWrite: false });

  constructor() {
    const plane = new PlaneGeometry(SIZE, SIZE).rotateX(-Math.PI / 2);
    this.grid = new ShaderMaterial({
      transparent: true,
      depthWrite: false,
      side: DoubleSide,
      uniforms: {
        colour: { value: new Color() },
        strength: { value: 1 },
        focus: { value: new Vector2() },
        reach: { value: 8 },
      },
      vertexShader: `varying vec2 at; void main() {
        vec4 world = modelMatrix * vec4(position, 1.0); at = world.xz;
        gl_Position = projectionMatrix * viewMatrix * world; }`,
      fragmentShader: `varying vec2 at; uniform vec3 colour; uniform vec2 focus; uniform float reach, strength;
        float lines(float every, float width) {
          vec2 blur = fwidth(at); // metres a pixel: lines are at least a pixel wide and never alias
          vec2 away = abs(fract(at / every - 0.5) - 0.5) * every;
          vec2 line = 1.0 - smoothstep(width * blur, (width + 1.0) * blur, away);
          line *= 1.0 - smoothstep(0.15, 0.5, blur / every);
          return max(line.x, line.y); }
        void main() {
          float fade = 1.0 - smoothstep(0.25, 1.0, distance(at, focus) / reach);
          float far = 1.0 + 30.0 * max(fwidth(at.x), fwidth(at.y)); // dense lines are the fainter
          float ink = max(lines(1.0, 0.35) * 0.6, lines(0.5, 0.0) * 0.17) / far;
          gl_FragColor = vec4(colour, ink * fade * strength);
          #include <colorspace_fragment>
        }`,
    });
    const ground = new Mesh(plane, this.grid);
    const catcher = new Mesh(plane, this.shadow);
    catcher.receiveShadow = true;
    catcher.position.y = 0.001;
    ground.renderOrder = -3;
    catcher.renderOrder = -2;
    this.group.add(ground, catcher);
  }

  paint(ink: string, shade: number): void {
    (this.grid.uniforms.colour.value as Color).set(ink);
    this.shadow.opacity = shade;
  }

  /** Centres the grid's fading on a point; its lines stay at whole metres. */
  follow(x: number, z: number, reach: number): void {
    this.group.position.set(Math.round(x), 0, Math.round(z));
    (this.grid.uniforms.focus.value as Vector2).set(x, z);
    this.grid.uniforms.reach.value = reach;
  }
}

/** The root's path as a flat ribbon: strong where the body has been, faint where it will go. */
export class Trail {
  readonly mesh: Mesh;
  readonly worthwhile: boolean;
  private readonly material: ShaderMaterial;

  constructor(clip: MotionClip, width = 0.022) {
    const place = new Float32Array(clip.frames * 6);
    const moment = new Float32Array(clip.frames * 2);
    const faces: number[] = [];
    let nx = 1;
    let nz = 0;
    for (let i = 0; i < clip.frames; i++) {
      const at = (frame: number, axis: number): number =>
        clip.joints[Math.min(Math.max(frame, 0), clip.frames - 1) * 66 + axis];
      const dx = at(i + 2, 0) - at(i - 2, 0);
      const dz = at(i + 2, 2) - at(i - 2, 2);
      const length = Math.hypot(dx, dz);
      if (length > 0.004) [nx, nz] = [-dz / length, dx / length]; // standing: keep the last direction
      const [x, z] = [at(i, 0), at(i, 2)];
      place.set([x + (nx * width) / 2, 0, z + (nz * width) / 2, x - (nx * width) / 2, 0, z - (nz * width) / 2], i * 6);
      moment.set([i / clip.fps, i / clip.fps], i * 2);
      if (i > 0) faces.push(2 * i - 2, 2 * i - 1, 2 * i, 2 * i, 2 * i - 1, 2 * i + 1);
    }
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(place, 3));
    geometry.setAttribute("moment", new BufferAttribute(moment, 1));
    geometry.setIndex(faces);
    this.material = new ShaderMaterial({
      transparent: true,
      depthWrite: false,
      side: DoubleSide,
      uniforms: { colour: { value: new Color() }, now: { value: 0 } },
      vertexShader: `attribute float moment; varying float when; void main() {
        when = moment; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`,
      fragmentShader: `varying float when; uniform float now; uniform vec3 colour; void main() {
        float past = smoothstep(0.0, 0.05, now - when);
        gl_FragColor = vec4(colour, mix(0.18, 0.85 * mix(0.45, 1.0, exp(when - now)), past));
        #include <colorspace_fragment>
      }`,
    });
    this.mesh = new Mesh(geometry, this.material);
    geometry.computeBoundingSphere();
    // A body that stays where it is draws a knot, not a path.
    this.worthwhile = (geometry.boundingSphere?.radius ?? 0) > 0.2;
    this.mesh.position.y = 0.004;
    this.mesh.renderOrder = -1;
  }

  paint(colour: string): void {
    (this.material.uniforms.colour.value as Color).set(colour);
  }

  at(time: number): void {
    this.material.uniforms.now.value = time;
  }
}

/** A ring under the body with an arrow that points where the hips face. */
export class Compass {
  readonly group = new Group();
  private readonly material = new MeshBasicMaterial({ transparent: true, opacity: 0.5, depthWrite: false });

  constructor(scale: number) {
    const arrow = new Shape([new Vector2(-0.06, 0.32), new Vector2(0.06, 0.32), new Vector2(0, 0.42)]);
    for (const flat of [new RingGeometry(0.275, 0.29, 64), new ShapeGeometry(arrow)]) {
      const mesh = new Mesh(flat.rotateX(Math.PI / 2), this.material); // +Y of the shape becomes +Z
      this.material.side = DoubleSide;
      mesh.renderOrder = -1;
      this.group.add(mesh);
    }
    this.group.position.y = 0.006;
    this.group.scale.setScalar(scale);
  }

  paint(colour: string): void {
    this.material.color.set(colour);
  }

  pose(joints: Float32Array): void {
    const across = (axis: number): number => joints[3 * JOINT.left_hip + axis] - joints[3 * JOINT.right_hip + axis];
    this.group.position.x = joints[0];
    this.group.position.z = joints[2];
    this.group.rotation.y = Math.atan2(-across(2), across(0));
  }
}
