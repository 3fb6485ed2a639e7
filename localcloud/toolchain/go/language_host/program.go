package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// exitReported is the program runner's exit status for "failed, and the user has been told why".
const exitReported = 32

// interruptGrace is how long a Python process may clean up after an interrupt before it is killed.
const interruptGrace = 5 * time.Second

// languageHost serves one engine.
type languageHost struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	engine  string // gRPC address of the engine
	tracing string // tracing endpoint, or ""
	runner  string // path of the program runner
}

func (h *languageHost) Handshake(
	_ context.Context, request *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = request.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

func (h *languageHost) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version.Version}, nil
}

// Run executes a program to its end. What the program prints reaches the engine through this process's own streams.
func (h *languageHost) Run(ctx context.Context, request *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	python, options, err := resolve(request.GetInfo())
	if err != nil {
		return nil, err
	}
	if err := python.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	if request.GetAttachDebugger() {
		return nil, errors.New("this language host has no debugger support; use the published Pulumi CLI for it")
	}
	if failure := typecheck(ctx, python, options); failure != nil {
		return &pulumirpc.RunResponse{Error: failure.Error()}, nil
	}
	command, err := h.programCommand(ctx, python, request)
	if err != nil {
		return nil, err
	}
	return outcome(command.Run())
}

func (h *languageHost) programCommand(
	ctx context.Context, python toolchain.Toolchain, request *pulumirpc.RunRequest,
) (*exec.Cmd, error) {
	config, err := configVariables(request.GetConfig(), request.GetConfigSecretKeys())
	if err != nil {
		return nil, err
	}
	command, err := python.Command(ctx, h.runnerArguments(request)...)
	if err != nil {
		return nil, err
	}
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = interruptGrace
	command.Dir = request.GetPwd()
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.Env = append(inherited(command), config...)
	return command, nil
}

func (h *languageHost) runnerArguments(request *pulumirpc.RunRequest) []string {
	arguments := []string{"-u", h.runner}
	add := func(name, value string) {
		if value != "" {
			arguments = append(arguments, "--"+name, value)
		}
	}
	info := request.GetInfo()
	add("monitor", request.GetMonitorAddress())
	add("engine", h.engine)
	add("project", request.GetProject())
	add("root_directory", info.GetRootDirectory())
	add("stack", request.GetStack())
	add("pwd", request.GetPwd())
	add("dry_run", strconv.FormatBool(request.GetDryRun()))
	add("parallel", strconv.Itoa(int(request.GetParallel())))
	add("tracing", h.tracing)
	add("organization", request.GetOrganization())
	program := filepath.Join(info.GetProgramDirectory(), info.GetEntryPoint())
	return append(append(arguments, program), request.GetArgs()...)
}

// outcome translates how the runner ended: Bail means that the user has read the error already.
func outcome(err error) (*pulumirpc.RunResponse, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case !errors.As(err, &exit):
		return nil, fmt.Errorf("run the program: %w", err)
	case exit.ExitCode() == exitReported:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case exit.Exited():
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("Program exited with non-zero exit code: %d", exit.ExitCode())}, nil
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("Program execution terminated by %s", exit)}, nil
	}
}

// typecheck runs the checker that the project asks for; its findings go to the user as they are.
func typecheck(ctx context.Context, python toolchain.Toolchain, options toolchain.PythonOptions) error {
	if options.Typechecker == toolchain.TypeCheckerNone {
		return nil
	}
	checker := strings.ToLower(toolchain.TypeCheckerName(options.Typechecker))
	command, err := python.ModuleCommand(ctx, checker, options.ProgramDir)
	if err != nil {
		return err
	}
	command.Dir = options.ProgramDir
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s failed: %w", checker, err)
	}
	return nil
}

func (h *languageHost) About(
	ctx context.Context, request *pulumirpc.AboutRequest,
) (*pulumirpc.AboutResponse, error) {
	python, options, err := resolve(request.GetInfo())
	if err != nil {
		return nil, err
	}
	about, err := python.About(ctx)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{
		Executable: about.PythonExecutable,
		Version:    about.PythonVersion.String(),
		Metadata: map[string]string{
			"toolchain":        toolchain.Name(options.Toolchain),
			"toolchainVersion": about.ToolchainVersion.String(),
		},
	}, nil
}

// configVariables are the environment variables in which the Python SDK looks for the stack's configuration.
func configVariables(config map[string]string, secretKeys []string) ([]string, error) {
	if config == nil {
		config = map[string]string{}
	}
	if secretKeys == nil {
		secretKeys = []string{}
	}
	values, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode the configuration: %w", err)
	}
	names, err := json.Marshal(secretKeys)
	if err != nil {
		return nil, fmt.Errorf("encode the names of the secrets: %w", err)
	}
	return []string{"PULUMI_CONFIG=" + string(values), "PULUMI_CONFIG_SECRET_KEYS=" + string(names)}, nil
}

// inherited is the environment that the command would have had anyway.
func inherited(command *exec.Cmd) []string {
	if command.Env != nil {
		return command.Env
	}
	return os.Environ()
}
