package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// RunPlugin executes a component plugin or a policy pack until the engine hangs up, and streams what it prints.
func (h *languageHost) RunPlugin(
	request *pulumirpc.RunPluginRequest, stream pulumirpc.LanguageRuntime_RunPluginServer,
) error {
	ctx := stream.Context()
	python, options, err := resolve(request.GetInfo())
	if err != nil {
		return err
	}
	if err := python.ValidateVenv(ctx); err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeRunPluginStreams(stream, false)
	if err != nil {
		return err
	}
	defer closer.Close()

	run := runProvider
	if request.GetKind() == string(apitype.AnalyzerPlugin) {
		run = runPolicyPack
	}
	err = run(ctx, python, options, request, stdout, stderr)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code := int32(exit.ExitCode())
		return stream.Send(&pulumirpc.RunPluginResponse{Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: code}})
	}
	return err
}

// runProvider runs a plugin folder: as its package where it is one that can be installed, else as a script folder.
func runProvider(
	ctx context.Context, python toolchain.Toolchain, options toolchain.PythonOptions,
	request *pulumirpc.RunPluginRequest, stdout, stderr io.Writer,
) error {
	packaged, err := toolchain.IsBuildablePackage(options.ProgramDir)
	if err != nil {
		return err
	}
	arguments := []string{"-u", options.ProgramDir}
	if packaged {
		pyproject, err := toolchain.LoadPyproject(options.ProgramDir)
		if err != nil {
			return err
		}
		arguments = []string{"-u", "-m", "pulumi.run.plugin", pyproject.Project.Name}
	}
	command, err := python.Command(ctx, append(arguments, request.GetArgs()...)...)
	if err != nil {
		return err
	}
	prepare(command, request, stdout, stderr)
	return command.Run()
}

// runPolicyPack runs a policy pack. The Python SDK learns about the stack from environment variables at its start,
// but the engine tells it afterwards: Pulumi's proxy answers the engine first and holds its calls until then.
func runPolicyPack(
	ctx context.Context, python toolchain.Toolchain, options toolchain.PythonOptions,
	request *pulumirpc.RunPluginRequest, stdout, stderr io.Writer,
) error {
	if len(request.GetArgs()) == 0 {
		return errors.New("the engine gave a policy pack no address to call back")
	}
	proxy, packOutput, err := sdk.NewPolicyProxy(ctx, stdout)
	if err != nil {
		return err
	}
	stack, err := proxy.AwaitConfiguration(ctx)
	if err != nil {
		return err
	}
	engine := request.GetArgs()[len(request.GetArgs())-1]
	command, err := python.ModuleCommand(ctx, "pulumi.policy", engine, options.ProgramDir)
	if err != nil {
		proxy.Abort(err)
		return err
	}
	prepare(command, request, packOutput, stderr)
	settings, err := stackSettings(stack)
	if err != nil {
		proxy.Abort(err)
		return err
	}
	command.Env = append(command.Env, settings...)
	if err := command.Start(); err != nil {
		proxy.Abort(err)
		return err
	}
	return proxy.Attach(ctx, command)
}

// stackSettings are the environment variables that the policy SDK reads. A pack that is only asked what it is, not
// run for a stack, gets none.
func stackSettings(stack *pulumirpc.AnalyzerStackConfigureRequest) ([]string, error) {
	if stack == nil {
		return nil, nil
	}
	config, err := configVariables(stack.GetConfig(), stack.GetConfigSecretKeys())
	if err != nil {
		return nil, err
	}
	return append(config,
		"PULUMI_ORGANIZATION="+stack.GetOrganization(),
		"PULUMI_PROJECT="+stack.GetProject(),
		"PULUMI_STACK="+stack.GetStack(),
		"PULUMI_DRY_RUN="+strconv.FormatBool(stack.GetDryRun()),
	), nil
}

// prepare gives a plugin its folder, streams and environment, and makes the end of the engine's call an interrupt
// of the plugin's whole process group; what has not ended after the grace period is killed.
func prepare(command *exec.Cmd, request *pulumirpc.RunPluginRequest, stdout, stderr io.Writer) {
	command.Dir = request.GetPwd()
	command.Stdout, command.Stderr = stdout, stderr
	command.Env = append(inherited(command), request.GetEnv()...)
	cmdutil.RegisterProcessGroup(command)
	command.Cancel = func() error {
		cmdutil.InterruptChildren(command.Process.Pid)
		return nil
	}
	command.WaitDelay = interruptGrace
}
