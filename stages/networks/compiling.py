"""How every network here is compiled for the CPU."""

from typing import Any


def compile_on_cpu(model: Any, threads: int) -> Any:
    """An OpenVINO `model` compiled for one request at a time, in float32.

    Args:
        model: an `openvino.Model`.
        threads: that run it; 0 lets OpenVINO decide.
    """
    import openvino as ov

    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        # Pinned threads begin at the first core in every process: workers of one thread each
        # would all share that core (measured: two take twice as long as one).
        "ENABLE_CPU_PINNING": False,
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return ov.Core().compile_model(model, "CPU", options)
