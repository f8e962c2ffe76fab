"""The wire of a family that no plugin knows: whatever says anything is an answer, and where it ends only it knows."""

from bedrock_flask.wires.wire import Wire

WIRE = Wire(name="opaque", finished=lambda chunk: True)
