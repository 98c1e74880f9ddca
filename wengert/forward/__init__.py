"""Forward mode: tangents carried along the recorded calls, from inputs to results."""
