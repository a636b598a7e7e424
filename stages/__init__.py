"""What looks at a video."""

import sys

# `import openvino` brings a package that writes a client id into the user's home and reports usage
# over the network. Nothing about a video that is judged here leaves the machine; with None in its
# place that import fails, and OpenVINO falls back to its own silent stand-in.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
