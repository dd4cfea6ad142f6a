"""Reads requests, one JSON a line, with Google's protobuf, which refuses what the protocol does not know; prints the
wire format of each in hex. The folder named first holds the messages as protoc compiled them."""

import json
import sys

sys.path.insert(0, sys.argv[1])

import logs_pb2
from google.protobuf import json_format

for line in sys.stdin:
    request = logs_pb2.ExportLogsServiceRequest()
    json_format.ParseDict(json.loads(line), request, ignore_unknown_fields=False)
    print(request.SerializeToString().hex())
