"""A trained model as ONNX opset 13: `input` -> `logits`, initialisers by the state's names, the config as metadata.

Matrices and vectors are stored as float16 with a Cast behind each; tables and int4's matrices as int8 with
DequantizeLinear by row. What the float32 run of the graph computes with is exactly what the trained state holds, which
was rounded before scoring.
"""

import io
import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from storage import steps_for, steps_of


def to_onnx(model, int4=False):
    """`model`'s weights must have gone through storage.round_state()."""
    c = model.config
    example = (torch.ones(2, c["tokens"], dtype=torch.long) if c["task"] == "tokens"
               else torch.zeros(2, c["tokens"], c["patch"]))
    raw = io.BytesIO()
    warnings.simplefilter("ignore", torch.jit.TracerWarning)  # token counts are constants, and meant to be
    torch.onnx.export(model.eval(), example, raw, opset_version=13, do_constant_folding=False,
                      input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    graph = onnx.load_from_string(raw.getvalue())
    state = model.state_dict()
    missing = set(state) - {i.name for i in graph.graph.initializer}
    if missing:
        raise ValueError(f"the exporter renamed {sorted(missing)}")
    shorten(graph.graph, set(state))
    for name, tensor in state.items():
        store(graph.graph, name, tensor.numpy(), steps_for(name, int4))
    graph.producer_name, graph.producer_version = "hilda", ""
    helper.set_model_props(graph, {"hilda.config": model.describe()})
    onnx.checker.check_model(graph)
    return graph.SerializeToString()


def shorten(graph, keep):
    """Names that nobody reads are most of a small graph's bytes."""
    keep = keep | {"input", "logits"}
    names = {}
    constants = {}
    for node in list(graph.node):
        node.name = ""
        node.doc_string = ""
        if node.op_type == "Constant":  # the same number a dozen times
            value = node.attribute[0].SerializeToString()
            if value in constants:
                names[node.output[0]] = names[constants[value]]
                graph.node.remove(node)
                continue
            constants[value] = node.output[0]
        for values in (node.input, node.output):
            for i, value in enumerate(values):
                if value and value not in keep:
                    values[i] = names.setdefault(value, f"t{len(names)}")
    for initializer in graph.initializer:
        initializer.name = names.get(initializer.name, initializer.name)
    del graph.value_info[:]
    graph.name = "hilda"


def store(graph, name, value, most):
    """Puts a smaller tensor under the same name, and the node that makes floats of it in front."""
    float_name = f"f{len(graph.node)}"
    for node in graph.node:
        for i, user in enumerate(node.input):
            if user == name:
                node.input[i] = float_name
    old = next(i for i in graph.initializer if i.name == name)
    graph.initializer.remove(old)
    if most:
        steps, scale = steps_of(value, most)
        graph.initializer.append(numpy_helper.from_array(steps, name))
        graph.initializer.append(numpy_helper.from_array(scale[:, 0], name + "/scale"))
        graph.initializer.append(numpy_helper.from_array(np.zeros(len(steps), np.int8), name + "/zero"))
        node = helper.make_node("DequantizeLinear", [name, name + "/scale", name + "/zero"], [float_name], axis=0)
    else:
        graph.initializer.append(numpy_helper.from_array(value.astype(np.float16), name))
        node = helper.make_node("Cast", [name], [float_name], to=TensorProto.FLOAT)
    graph.node.insert(0, node)
