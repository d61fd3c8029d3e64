"""Prints what TensorBoard itself reads in a folder of event files, as JSON: run, then tag, then content.

Usage: tensorboard_dump.py FOLDER. Exit status 3 when TensorBoard cannot be imported.
"""
import base64
import json
import os
import sys

try:
    from tensorboard.backend.event_processing import plugin_event_accumulator
    from tensorboard.plugins.hparams import plugin_data_pb2
    from tensorboard.util import tensor_util
except ImportError as error:
    print(error)
    sys.exit(3)


def content_of(accumulator, tag):
    metadata = accumulator.SummaryMetadata(tag)
    plugin = metadata.plugin_data.plugin_name
    result = {"plugin": plugin, "events": []}
    if plugin == "hparams":
        data = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content)
        kind = data.WhichOneof("data")
        result["kind"] = kind
        if kind == "session_start_info":
            result["hparams"] = {
                name: getattr(value, value.WhichOneof("kind"))
                for name, value in data.session_start_info.hparams.items()
            }
        return result
    for event in accumulator.Tensors(tag):
        value = tensor_util.make_ndarray(event.tensor_proto).tolist()
        if plugin == "images":  # width, height, then the files
            value = value[:2] + [base64.b64encode(file).decode() for file in value[2:]]
            value[0], value[1] = int(value[0]), int(value[1])
        elif plugin == "text":
            value = [part.decode() for part in value]
        result["events"].append({"step": event.step, "wall_time": event.wall_time, "value": value})
    return result


def dump(root):
    runs = {}
    for folder, _, files in sorted(os.walk(root)):
        if not any("tfevents" in file for file in files):
            continue
        accumulator = plugin_event_accumulator.EventAccumulator(
            folder, size_guidance={plugin_event_accumulator.TENSORS: 0})
        accumulator.Reload()
        tags = accumulator.Tags()["tensors"]
        run = {tag: content_of(accumulator, tag) for tag in tags if tag != "__run_graph__"}
        if accumulator.Tags()["graph"]:
            run["graph"] = {node.name: [node.op, list(node.input)] for node in accumulator.Graph().node}
        runs[os.path.relpath(folder, root)] = run
    return runs


if __name__ == "__main__":
    # Only the result goes to stdout; some versions talk while they are imported.
    print(json.dumps(dump(sys.argv[1])))
