#!/usr/bin/python3
"""Serves provider schemas, and no cloud, to a real terraform.

    provider.py SCHEMAS.json LOG

One gRPC server for each provider of the file, on a Unix socket of its own. The first line on standard output is
what TF_REATTACH_PROVIDERS must hold: terraform then downloads nothing. It serves until its standard input ends.

What a provider's plan and apply would find out is made up: this shows types, references and wiring, not what a cloud
would do. Each configuration that is applied is appended to LOG as JSON: that is what a provider gets to see, write-only
arguments included. The schemas are a list `terraform providers schema -json` prints.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent import futures

import grpc
import msgpack

HERE = os.path.dirname(os.path.abspath(__file__))
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}
FLAGS = ("required", "optional", "computed", "sensitive", "write_only")
UNKNOWN = msgpack.ExtType(0, b"\0")


def messages(folder):
    """The protocol's messages, compiled by protoc."""
    subprocess.run(["protoc", "-I", HERE, "--python_out", folder, "tfplugin6.proto"], check=True)
    sys.path.insert(0, folder)
    import tfplugin6_pb2

    return tfplugin6_pb2


def made_up(name, kind):
    """What stands for a value that only a cloud knows."""
    if isinstance(kind, str):
        return {"string": f"made-up-{name}", "number": 1, "bool": False}[kind]
    return {} if kind[0] in ("map", "object") else []


def below(block, value, change):
    """Applies a change to the values of nested blocks."""
    for name, nested in block.get("block_types", {}).items():
        inner = value.get(name)
        if isinstance(inner, list):
            value[name] = [change(nested["block"], item) for item in inner]
        elif isinstance(inner, dict):
            value[name] = change(nested["block"], inner)
    return value


def planned(block, value):
    """As a provider's plan: what it computes is unknown, what is write-only is forgotten."""
    if not isinstance(value, dict):
        return value
    for name, attribute in block.get("attributes", {}).items():
        if attribute.get("computed") and value.get(name) is None:
            value[name] = UNKNOWN
        if attribute.get("write_only"):
            value[name] = None
    return below(block, value, planned)


def applied(block, value):
    """As a provider's apply: what was unknown is made up."""
    if not isinstance(value, dict):
        return value
    for name, attribute in block.get("attributes", {}).items():
        if isinstance(value.get(name), msgpack.ExtType):
            value[name] = made_up(name, attribute["type"])
    return below(block, value, applied)


def read(block, value):
    """As a data source or an ephemeral resource: what it computes is made up at once."""
    for name, attribute in block["attributes"].items():
        if attribute.get("computed") and value.get(name) is None:
            value[name] = made_up(name, attribute["type"])
    return value


class Provider:
    """The calls of tfplugin6 that terraform makes."""

    def __init__(self, pb, schemas, log):
        self.pb, self.schemas, self.log = pb, schemas, log

    def block(self, block):
        out = self.pb.Schema.Block()
        for name, attribute in block.get("attributes", {}).items():
            flags = {flag: bool(attribute.get(flag)) for flag in FLAGS}
            out.attributes.add(name=name, type=json.dumps(attribute["type"]).encode(), **flags)
        for name, nested in block.get("block_types", {}).items():
            out.block_types.add(
                type_name=name,
                block=self.block(nested["block"]),
                nesting=NESTING[nested["nesting_mode"]],
                min_items=nested.get("min_items", 0),
                max_items=nested.get("max_items", 0),
            )
        return out

    def schema(self, schema):
        return self.pb.Schema(version=schema.get("version", 0), block=self.block(schema["block"]))

    def value(self, request):
        return msgpack.unpackb(request.msgpack, strict_map_key=False)

    def packed(self, value):
        return self.pb.DynamicValue(msgpack=msgpack.packb(value))

    def get_provider_schema(self, _request, _context):
        answer = self.pb.SchemaResp(provider=self.schema(self.schemas["provider"]))
        for kind in ("resource_schemas", "data_source_schemas", "ephemeral_resource_schemas"):
            for name, schema in self.schemas.get(kind, {}).items():
                getattr(answer, kind)[name].CopyFrom(self.schema(schema))
        return answer

    def plan(self, request, _context):
        value = self.value(request.proposed_new_state)
        block = self.schemas["resource_schemas"][request.type_name]["block"]
        return self.pb.PlanResp(planned_state=self.packed(planned(block, value)))

    def apply(self, request, _context):
        value = self.value(request.planned_state)
        block = self.schemas["resource_schemas"][request.type_name]["block"]
        with open(self.log, "a", encoding="utf-8") as log:
            config = self.value(request.config)
            log.write(json.dumps({"type": request.type_name, "config": config}, default=repr) + "\n")
        return self.pb.ApplyResp(new_state=self.packed(applied(block, value)))

    def read_data(self, request, _context):
        block = self.schemas["data_source_schemas"][request.type_name]["block"]
        return self.pb.ReadDSResp(state=self.packed(read(block, self.value(request.config))))

    def open_ephemeral(self, request, _context):
        block = self.schemas["ephemeral_resource_schemas"][request.type_name]["block"]
        return self.pb.OpenEphResp(result=self.packed(read(block, self.value(request.config))))

    def handlers(self):
        pb = self.pb

        def nothing(kind):
            return lambda _request, _context: kind()

        calls = {
            "GetProviderSchema": (pb.Empty, self.get_provider_schema),
            "ValidateProviderConfig": (pb.ProvCfgReq, nothing(pb.ProvCfgResp)),
            "ValidateResourceConfig": (pb.ResCfgReq, nothing(pb.DiagResp)),
            "ValidateDataResourceConfig": (pb.ResCfgReq, nothing(pb.DiagResp)),
            "ValidateEphemeralResourceConfig": (pb.ResCfgReq, nothing(pb.DiagResp)),
            "ConfigureProvider": (pb.ConfigureReq, nothing(pb.DiagResp)),
            "PlanResourceChange": (pb.PlanReq, self.plan),
            "ApplyResourceChange": (pb.ApplyReq, self.apply),
            "ReadResource": (pb.ReadReq, lambda request, _: pb.ReadResp(new_state=request.current_state)),
            "UpgradeResourceState": (
                pb.UpgradeReq,
                lambda request, _: pb.UpgradeResp(upgraded_state=pb.DynamicValue(json=request.raw_state.json)),
            ),
            "ReadDataSource": (pb.ReadDSReq, self.read_data),
            "OpenEphemeralResource": (pb.OpenEphReq, self.open_ephemeral),
            "CloseEphemeralResource": (pb.CloseEphReq, nothing(pb.DiagResp)),
            "GetFunctions": (pb.Empty, nothing(pb.FunctionsResp)),
            "StopProvider": (pb.Empty, nothing(pb.StopResp)),
        }
        return grpc.method_handlers_generic_handler(
            "tfplugin6.Provider",
            {
                name: grpc.unary_unary_rpc_method_handler(
                    call,
                    request_deserializer=request.FromString,
                    response_serializer=lambda answer: answer.SerializeToString(),
                )
                for name, (request, call) in calls.items()
            },
        )


def main():
    schemas, log = sys.argv[1:]
    with open(schemas, encoding="utf-8") as file:
        providers = json.load(file)["provider_schemas"]
    with tempfile.TemporaryDirectory(prefix="redisgen-provider-") as folder:
        pb = messages(folder)
        reattach, servers = {}, []
        for address, provider in providers.items():
            socket = f"{folder}/{address.rsplit('/', 1)[-1]}"
            server = grpc.server(futures.ThreadPoolExecutor(4))
            server.add_generic_rpc_handlers((Provider(pb, provider, log).handlers(),))
            server.add_insecure_port(f"unix:{socket}")
            server.start()
            servers.append(server)
            reattach[address] = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "unix", "String": socket},
            }
        print(json.dumps(reattach), flush=True)
        sys.stdin.read()
        for server in servers:
            server.stop(None)


main()
