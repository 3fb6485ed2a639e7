"""The Pulumi provider protocol over the stand-in's cloud.

A servicer of our own on the generated base class: the SDK's prints a traceback for every error, drops the old
inputs and cannot bring a half-made resource into state.
"""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import ResourceProviderServicer, status_pb2

from localcloud.arm import VERSION, check
from localcloud.arm.client import Client, OperationFailedError
from localcloud.arm.cloud import Cloud
from localcloud.arm.difference import as_inputs, difference, preview, refreshed
from localcloud.arm.invokes import Invocation, invoke
from localcloud.arm.kinds import PACKAGE, Kind, kind
from localcloud.arm.refusal import RequestError
from localcloud.arm.request import SUBSCRIPTION_ID
from localcloud.arm.sdk import shape_of
from localcloud.arm.store import Store
from localcloud.arm.wire import UNKNOWN, Properties, decode, encode

STATE = "LOCALCLOUD_STATE"
"""Environment variable: the folder of this cloud's state."""

Message = Any
"""A protobuf message; the generated classes carry no types."""

_STABLE_IN_PREVIEW = ("name", "location")
_PREFIX = f"{PACKAGE}:config:"


class StateFolderError(RequestError):
    """No folder for the cloud's state is named."""


class Settings(NamedTuple):
    """The provider's configuration."""

    subscription: str = SUBSCRIPTION_ID
    location: str | None = None


def store_path(folder: Path) -> Path:
    """The database in a state folder."""
    return folder / "arm.db"


def state_folder() -> Path:
    """The folder that ``LOCALCLOUD_STATE`` names."""
    folder = os.environ.get(STATE)
    if not folder:
        raise StateFolderError(
            f"{STATE} is not set: localcloud's azure-native keeps its cloud in that folder. "
            "Run the stack with `make preview` or `make up`, or set it to an empty folder."
        )
    return Path(folder)


def _answers(method: Callable[..., Message]) -> Callable[..., Message]:
    """Let an error of the user's making reach the engine as its text alone, with no traceback."""

    @functools.wraps(method)
    def answer(self: "AzureNative", request: Message, context: grpc.ServicerContext) -> Message:
        try:
            return method(self, request)
        except OperationFailedError as error:
            _abort_half_made(context, error, request)
        except RequestError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    return answer


def _abort_half_made(
    context: grpc.ServicerContext, error: OperationFailedError, request: Message
) -> NoReturn:
    """Tell the engine that the resource exists although its operation failed."""
    sent = request.properties if isinstance(request, proto.CreateRequest) else request.news
    detail = proto.ErrorResourceInitFailed(
        id=error.resource_id, properties=encode(error.outputs), reasons=[str(error)], inputs=sent
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))


class AzureNative(ResourceProviderServicer):
    """azure-native on a cloud in a folder."""

    def __init__(self) -> None:
        """Unconfigured: the engine configures it first."""
        self._settings = Settings()
        self._cancelled = Event()

    def Handshake(self, request: Message, context: grpc.ServicerContext) -> Message:  # noqa: N802, ARG002
        """Agree on the protocol: plain values, no secrets, which the engine marks again itself."""
        return proto.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Message, context: grpc.ServicerContext) -> Message:  # noqa: N802, ARG002
        """The version stood in for."""
        return proto.PluginInfo(version=VERSION)

    def GetSchema(self, request: Message, context: grpc.ServicerContext) -> Message:  # noqa: N802, ARG002
        """Name and version alone: programs with an SDK need no more."""
        return proto.GetSchemaResponse(schema=f'{{"name": "{PACKAGE}", "version": "{VERSION}"}}')

    def CheckConfig(self, request: Message, context: grpc.ServicerContext) -> Message:  # noqa: N802, ARG002
        """Any configuration will do."""
        return proto.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Message, context: grpc.ServicerContext) -> Message:  # noqa: N802, ARG002
        """A changed configuration replaces nothing."""
        return proto.DiffResponse(changes=proto.DiffResponse.DIFF_UNKNOWN)

    @_answers
    def Configure(self, request: Message) -> Message:  # noqa: N802
        """Take location and subscription."""
        state_folder()
        given = {name.removeprefix(_PREFIX): value for name, value in request.variables.items()}
        self._settings = Settings(given.get("subscriptionId") or SUBSCRIPTION_ID, given.get("location"))
        return proto.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    @_answers
    def Check(self, request: Message) -> Message:  # noqa: N802
        """Fill in defaults, and find every argument that will not do."""
        of = _kind(request.urn)
        shape = shape_of(of.token)
        naming = _naming(request)
        inputs = check.with_defaults(
            of, shape, decode(request.olds), decode(request.news), naming, self._default_location
        )
        failures = [
            proto.CheckFailure(property=failure.path, reason=failure.reason)
            for failure in check.failures(shape, inputs)
        ]
        return proto.CheckResponse(inputs=encode(inputs), failures=failures)

    @_answers
    def Diff(self, request: Message) -> Message:  # noqa: N802
        """Inputs against inputs, by leaf path."""
        found = difference(
            _kind(request.urn), decode(request.olds), decode(request.old_inputs), decode(request.news)
        )
        detailed = {
            path: proto.PropertyDiff(
                kind=proto.PropertyDiff.Kind.Value(
                    f"{leaf.change.upper()}{'_REPLACE' if leaf.replaces else ''}"
                ),
                inputDiff=True,
            )
            for path, leaf in found.leaves.items()
        }
        changed = proto.DiffResponse.DIFF_SOME if found.leaves else proto.DiffResponse.DIFF_NONE
        return proto.DiffResponse(
            changes=changed,
            replaces=found.replacing,
            deleteBeforeReplace=found.delete_before_replace,
            diffs=sorted({path.partition(".")[0].partition("[")[0] for path in found.leaves}),
            detailedDiff=detailed,
            hasDetailedDiff=True,
        )

    @_answers
    def Create(self, request: Message) -> Message:  # noqa: N802
        """PUT a new resource; in a preview, say what is known of it."""
        of, inputs = _kind(request.urn), decode(request.properties)
        if request.preview:
            return proto.CreateResponse(properties=encode(preview(shape_of(of.token), inputs)))
        resource_id = of.resource_id(inputs, self._settings.subscription)
        outputs = self._put(of, resource_id, inputs, new=True)
        return proto.CreateResponse(id=resource_id, properties=encode(outputs))

    @_answers
    def Update(self, request: Message) -> Message:  # noqa: N802
        """PUT over an existing resource."""
        of, inputs = _kind(request.urn), decode(request.news)
        if request.preview:
            old = decode(request.olds)
            stable = {name: old[name] for name in _STABLE_IN_PREVIEW if name in old}
            return proto.UpdateResponse(properties=encode({**preview(shape_of(of.token), inputs), **stable}))
        return proto.UpdateResponse(properties=encode(self._put(of, request.id, inputs)))

    @_answers
    def Read(self, request: Message) -> Message:  # noqa: N802
        """GET: state, and inputs with what has changed in the cloud; without old inputs, an import."""
        of = _kind(request.urn)
        path = of.parse(request.id)
        if path is None:
            raise RequestError(f"'{request.id}' is no ARM id of {of.token}; its form is {of.id}")
        with Store(store_path(state_folder())) as store:
            outputs = Cloud(store).get(request.id)
        if outputs is None:
            return proto.ReadResponse()
        shape = shape_of(of.token)
        inputs = decode(request.inputs)
        if inputs:
            unset = {name for name in of.children if name not in inputs}
            before, after = (
                {name: value for name, value in as_inputs(shape, side).items() if name not in unset}
                for side in (decode(request.properties), outputs)
            )
            inputs = refreshed(inputs, before, after)
        else:
            inputs = {**as_inputs(shape, outputs), **path}
            if inputs.get("type") == of.arm_type:  # An agent pool's own "type" is another thing.
                del inputs["type"]
        return proto.ReadResponse(id=request.id, properties=encode(outputs), inputs=encode(inputs))

    @_answers
    def Delete(self, request: Message) -> Message:  # noqa: N802
        """DELETE; what is gone already is no error."""
        with Store(store_path(state_folder())) as store:
            Client(store, self._cancelled).delete(request.id)
        return empty_pb2.Empty()

    @_answers
    def Invoke(self, request: Message) -> Message:  # noqa: N802
        """Answer a function."""
        folder = state_folder()
        with Store(store_path(folder)) as store:
            call = Invocation(decode(request.args), store, self._settings.subscription, folder)
            answer = encode(invoke(request.tok, call))
        response = proto.InvokeResponse()
        getattr(response, "return").CopyFrom(answer)  # a keyword in Python
        return response

    def Cancel(self, request: Message, context: grpc.ServicerContext) -> Message:  # noqa: N802, ARG002
        """Ctrl-C."""
        self.cancel()
        return empty_pb2.Empty()

    def cancel(self) -> None:
        """Stop waiting for answers; what ARM has accepted it goes on with."""
        self._cancelled.set()

    def _put(self, of: Kind, resource_id: str, inputs: Properties, *, new: bool = False) -> Properties:
        hidden = {*of.parameters, "azureApiVersion"}
        body = {
            name: value for name, value in inputs.items() if name not in hidden and not name.startswith("__")
        }
        with Store(store_path(state_folder())) as store:
            return Client(store, self._cancelled).put(of, resource_id, body, new=new)

    def _default_location(self, inputs: Properties) -> str | None:
        """The configured location, or that of the resource group."""
        group = inputs.get("resourceGroupName")
        if self._settings.location is not None or group is None or group == UNKNOWN:
            return self._settings.location or group
        group_id = f"/subscriptions/{self._settings.subscription}/resourceGroups/{group}"
        with Store(store_path(state_folder())) as store:
            stored = store.get(group_id)
        return stored.properties.get("location") if stored is not None else None


def _unimplemented(self: AzureNative, request: Message, context: grpc.ServicerContext) -> NoReturn:  # noqa: ARG001
    context.abort(grpc.StatusCode.UNIMPLEMENTED, "localcloud's azure-native does not offer this")


for _method in ("Parameterize", "Construct", "Call", "Attach", "GetMapping", "GetMappings", "List"):
    setattr(AzureNative, _method, _unimplemented)


def _kind(urn: str) -> Kind:
    return kind(urn.split("::")[2].rpartition("$")[2])


def _naming(request: Message) -> check.Naming:
    logical_name = request.urn.rpartition("::")[2]
    if not request.HasField("autonaming"):
        return check.Naming(logical_name, request.randomSeed)
    options = proto.CheckRequest.AutonamingOptions
    return check.Naming(
        logical_name,
        request.randomSeed,
        proposed=request.autonaming.proposed_name,
        enforced=request.autonaming.mode == options.ENFORCE,
        disabled=request.autonaming.mode == options.DISABLE,
    )
