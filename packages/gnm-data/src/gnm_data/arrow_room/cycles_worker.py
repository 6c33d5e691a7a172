"""Renders Arrow Room scenes with Blender's Cycles: JSON lines in, JSON lines out, until the input ends.

Runs by itself in the interpreter that has `bpy`, and imports nothing of this project. First line out:
`{"ready": version}`; then for each scene in, `{"png": base64}` or `{"error": text}`. Everything that Blender prints
goes to standard error. Every number about the room comes in with the scene (`gnm_data.arrow_room.cycles.describe`).
"""

import base64
import json
import math
import os
import sys
import tempfile
from typing import Any

import bpy  # it provides the next two

import bmesh  # isort: skip
from mathutils import Matrix, Vector  # isort: skip


def main() -> None:
    """Answer scenes until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Blender prints its progress to descriptor 1

    def answer(message: dict[str, str]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    answer({"ready": bpy.app.version_string})
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "scene.png")
        for line in sys.stdin:
            try:
                build(json.loads(line))
                bpy.context.scene.render.filepath = path
                bpy.ops.render.render(write_still=True)
                with open(path, "rb") as file:
                    answer({"png": base64.b64encode(file.read()).decode()})
                os.remove(path)
            except Exception as error:  # the other side turns it into its own error
                answer({"error": f"{type(error).__name__}: {error}"})


def build(spec: dict[str, Any]) -> None:
    """Replace whatever is in Blender by the scene of `spec`."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    settings(scene, spec)
    world(scene, spec["world"])
    camera(scene, spec["camera"])
    for lamp in spec["lamps"]:
        light(scene, lamp)
    room(scene, spec["room"])
    for body in spec["bodies"]:
        solid(scene, body, spec["material"])


def settings(scene: Any, spec: dict[str, Any]) -> None:
    """Cycles on the processor, denoised, plain sRGB."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = spec["samples"]
    scene.cycles.seed = 0
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = spec["denoise"]
    scene.cycles.pixel_filter_type = "BOX"
    scene.render.threads_mode = "FIXED"
    scene.render.threads = spec["threads"]
    scene.render.resolution_x = scene.render.resolution_y = spec["size"]
    scene.render.resolution_percentage = 100
    scene.render.dither_intensity = 0
    scene.view_settings.view_transform = "Standard"
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.color_depth = "8"


def world(scene: Any, radiance: float) -> None:
    """The same light from everywhere."""
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (radiance, radiance, radiance, 1)


def camera(scene: Any, spec: dict[str, Any]) -> None:
    """A pinhole camera that looks along +y and down."""
    data = bpy.data.cameras.new("camera")
    data.sensor_width = 36
    data.lens = 36 * spec["focal"]
    item = link(scene, "camera", data)
    item.location = spec["position"]
    item.rotation_euler = (math.radians(90 - spec["pitch"]), 0, 0)
    scene.camera = item


def light(scene: Any, spec: dict[str, Any]) -> None:
    """A square lamp; an area light of power P and area A has radiance P / (pi A)."""
    data = bpy.data.lights.new("lamp", "AREA")
    data.shape = "SQUARE"
    data.size = 2 * spec["half"]
    data.color = spec["tint"]
    data.energy = spec["radiance"] * math.pi * data.size**2
    across, up = Vector(spec["across"]), Vector(spec["up"])
    item = link(scene, "lamp", data)
    # Area lights shine along their own -z.
    turn = Matrix((across, up, across.cross(up))).transposed()
    item.matrix_world = Matrix.Translation(spec["position"]) @ turn.to_4x4()


def room(scene: Any, spec: dict[str, Any]) -> None:
    """Floor, quarter-round cove and wall as one smooth sheet."""
    wide, high, start, radius = spec["width"], spec["height"], spec["cove_start"], spec["cove_radius"]
    profile = [(-wide, 0.0)]
    steps = 64
    for i in range(steps + 1):
        angle = math.pi / 2 * i / steps
        profile.append((start + radius * math.sin(angle), radius * (1 - math.cos(angle))))
    profile.append((start + radius, high))
    points = [(x, y, z) for y, z in profile for x in (-wide, wide)]
    faces = [(2 * i, 2 * i + 1, 2 * i + 3, 2 * i + 2) for i in range(len(profile) - 1)]
    mesh = bpy.data.meshes.new("room")
    mesh.from_pydata(points, [], faces)
    for face in list(mesh.polygons)[1:-1]:
        face.use_smooth = True
    material = bpy.data.materials.new("room")
    material.use_nodes = True
    nodes = material.node_tree.nodes
    diffuse = nodes.new("ShaderNodeBsdfDiffuse")
    diffuse.inputs["Color"].default_value = (*spec["albedo"], 1)
    material.node_tree.links.new(diffuse.outputs[0], nodes["Material Output"].inputs["Surface"])
    mesh.materials.append(material)
    link(scene, "room", mesh)


def solid(scene: Any, spec: dict[str, Any], finish: dict[str, float]) -> None:
    """One body: a sphere, a cube, a cylinder, or a flat polygon of some thickness, its edges rounded."""
    mesh = bpy.data.meshes.new(spec["kind"])
    work = bmesh.new()
    if spec["kind"] == "sphere":
        bmesh.ops.create_uvsphere(work, u_segments=96, v_segments=48, radius=spec["radius"])
    elif spec["kind"] == "cube":
        bmesh.ops.create_cube(work, size=2 * spec["half"])
    elif spec["kind"] == "cylinder":
        radius = spec["radius"]
        bmesh.ops.create_cone(
            work, cap_ends=True, segments=96, radius1=radius, radius2=radius, depth=2 * spec["half_height"]
        )
    else:
        low = [work.verts.new((x, y, -spec["half_height"])) for x, y in spec["outline"]]
        high = [work.verts.new((x, y, spec["half_height"])) for x, y in spec["outline"]]
        count = len(low)
        work.faces.new(low[::-1])
        work.faces.new(high)
        for i in range(count):
            work.faces.new((low[i], low[(i + 1) % count], high[(i + 1) % count], high[i]))
    for face in work.faces:
        face.smooth = True
    work.to_mesh(mesh)
    work.free()
    mesh.materials.append(surface(spec["colour"], finish))
    item = link(scene, spec["kind"], mesh)
    item.location = spec["position"]
    item.rotation_euler = (0, 0, spec["angle"])
    if spec.get("bevel"):
        bevel = item.modifiers.new("bevel", "BEVEL")
        bevel.width = spec["bevel"]
        bevel.segments = 8
        bevel.limit_method = "ANGLE"
        bevel.harden_normals = True


def surface(colour: list[float], finish: dict[str, float]) -> Any:
    """Blender's principled surface."""
    material = bpy.data.materials.new("surface")
    material.use_nodes = True
    inputs = material.node_tree.nodes["Principled BSDF"].inputs
    inputs["Base Color"].default_value = (*colour, 1)
    inputs["Roughness"].default_value = finish["roughness"]
    inputs["Metallic"].default_value = finish["metallic"]
    inputs["Specular IOR Level"].default_value = finish["specular"]
    return material


def link(scene: Any, name: str, data: Any) -> Any:
    """A new object that shows `data`."""
    item = bpy.data.objects.new(name, data)
    scene.collection.objects.link(item)
    return item


if __name__ == "__main__":
    main()
