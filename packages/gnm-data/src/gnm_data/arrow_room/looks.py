"""The looks that rooms come in, by name."""

import math
from typing import Literal

from gnm_data.arrow_room.cove import Cove
from gnm_data.arrow_room.look import ArrowSizes, Camera, Finish, Lamp, Light, Look, Places, Sizes

LookName = Literal["published", "studio"]

STUDIO = Look(
    camera=Camera(position=(0.0, -7.6, 4.0), pitch=25.0, focal=140 / 128),
    sizes=Sizes(
        sphere=0.665,
        cylinder=0.665,
        cylinder_half=0.665,
        cube=0.60,
        bevel=0.12,
        arrow=ArrowSizes(length=1.7, head_length=0.8, head_width=1.15, shaft_width=0.45, thickness=0.36, bevel=0.035),
    ),
    finishes=(Finish(False, 0.6, 0.35, 0.0), Finish(True, 0.2, 0.5, 0.12, glint=0.08)),
    cove=Cove(start=8.0, radius=3.5, height=math.inf, fade=1.0, albedo=(0.80, 0.795, 0.785)),
    light=Light(
        lamps=(
            Lamp((5.2, -5.6, 6.8), 1.1, 1.0, (0.8, -0.5, 0.0)),
            Lamp((-5.5, -3.0, 6.5), 1.4, 0.26, (0.0, 1.0, 0.0)),
            Lamp((-0.5, 2.5, 9.0), 2.0, 0.27, (0.0, 9.5, 3.0)),
        ),
        radiance=14.0,
        world=0.12,
        sky=0.12,
        contact=0.5,
        jitter=0.5,
        stronger=0.1,
    ),
    places=Places(
        slots=((-2.0, 0.4), (0.0, 2.2), (2.0, 0.4)),
        aside=(-0.6, 0.6),
        away=(-1.1, 1.3),
        arrow_slot=(0.0, 0.0),
        arrow_aside=(-1.2, 1.2),
        arrow_away=(-3.0, -1.6),
        turn=0.0,
        object_gap=1.7,
        arrow_gap=1.9,
    ),
)
"""The look of the first version: the whole of every scene is in the picture, before a lit wall."""

PUBLISHED = Look(
    camera=Camera(position=(0.0, -7.6, 4.0), pitch=25.2, focal=140 / 128),
    sizes=Sizes(
        sphere=0.745,
        cylinder=0.77,
        cylinder_half=0.695,
        cube=0.70,
        bevel=0.15,
        arrow=ArrowSizes(length=1.55, head_length=0.82, head_width=1.27, shaft_width=0.48, thickness=0.39, bevel=0.07),
    ),
    finishes=(Finish(False, 0.6, 0.35, 0.0), Finish(True, 0.2, 0.5, 0.0, glint=0.12, shine=1.5)),
    cove=Cove(start=6.778, radius=2.631, height=7.5, fade=4.7, albedo=(0.92, 0.918, 0.913)),
    light=Light(
        lamps=(
            Lamp((1.439, -3.734, 2.862), 0.3, 1.048, (1.573, -2.437, 0.0), (1.105, 1.017, 0.879)),
            Lamp((-5.017, 0.224, 2.343), 0.3, 0.721, (0.0, 9.414, 0.0), (0.833, 0.931, 1.236)),
            Lamp((0.316, 2.5, 4.5), 0.5, 0.398, (0.05, 0.8, 0.0), (1.02, 0.993, 0.986)),
        ),
        radiance=14.0,
        world=0.31,
        sky=0.06,
        contact=1.0,
        jitter=0.0,
        stronger=0.0,
    ),
    places=Places(
        slots=((-2.2, 0.22), (-0.05, 2.72), (2.15, 0.27)),
        aside=(-1.0, 1.0),
        away=(-1.0, 1.0),
        arrow_slot=(0.0, -2.05),
        arrow_aside=(-0.98, 0.98),
        arrow_away=(-0.98, 0.98),
        turn=45.0,
        object_gap=1.6,
        arrow_gap=1.75,
    ),
)
"""Fitted to scenes that the published model drew: nearer and spread wider, so that the frame cuts some; a lit floor
that fades into the dark, which metal mirrors on its tops. Lamps stand still, as theirs do."""

LOOKS: dict[LookName, Look] = {"published": PUBLISHED, "studio": STUDIO}
