package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/errutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// installedPlugins prints, as a JSON list, every pulumi-plugin.json on the path of the interpreter that runs it.
//
//go:embed installed_plugins.py
var installedPlugins string

// GetRequiredPackages tells the engine the providers, and their versions, of the Pulumi packages that are installed
// in the program's Python environment.
func (h *languageHost) GetRequiredPackages(
	ctx context.Context, request *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	environment, options, err := resolve(request.GetInfo())
	if err != nil {
		return nil, err
	}
	if err := environment.ValidateVenv(ctx); err != nil {
		return nil, err
	}
	command, err := environment.Command(ctx, "-c", installedPlugins)
	if err != nil {
		return nil, err
	}
	command.Dir = options.ProgramDir
	output, err := command.Output()
	if err != nil {
		return nil, errutil.ErrorWithStderr(err, "list the installed Pulumi packages")
	}
	var plugins []plugin.PulumiPluginJSON
	if err := json.Unmarshal(output, &plugins); err != nil {
		return nil, fmt.Errorf("read the installed Pulumi packages: %w", err)
	}
	response := &pulumirpc.GetRequiredPackagesResponse{}
	for _, installed := range plugins {
		response.Packages = append(response.Packages, &pulumirpc.PackageDependency{
			Name:             installed.Name,
			Kind:             string(apitype.ResourcePlugin),
			Version:          installed.Version,
			Server:           installed.Server,
			Parameterization: parameterization(installed.Parameterization),
			Extension:        parameterization(installed.ExtensionParameterization),
		})
	}
	return response, nil
}

func parameterization(given *plugin.PulumiParameterizationJSON) *pulumirpc.PackageParameterization {
	if given == nil {
		return nil
	}
	return &pulumirpc.PackageParameterization{Name: given.Name, Version: given.Version, Value: given.Value}
}

func (h *languageHost) GetProgramDependencies(
	ctx context.Context, request *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	environment, _, err := resolve(request.GetInfo())
	if err != nil {
		return nil, err
	}
	dependencies, err := environment.ListPackages(ctx, request.GetTransitiveDependencies())
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GetProgramDependenciesResponse{}
	for _, dependency := range dependencies {
		response.Dependencies = append(response.Dependencies,
			&pulumirpc.DependencyInfo{Name: dependency.Name, Version: dependency.Version})
	}
	return response, nil
}

// InstallDependencies makes the program's virtual environment and installs what it lists.
func (h *languageHost) InstallDependencies(
	request *pulumirpc.InstallDependenciesRequest, stream pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	ctx := stream.Context()
	environment, options, err := resolve(request.GetInfo())
	if err != nil {
		return err
	}
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(stream, request.GetIsTerminal())
	if err != nil {
		return err
	}
	defer closer.Close()

	versionTools := request.GetUseLanguageVersionTools()
	if err := environment.InstallDependencies(ctx, options.ProgramDir, versionTools, true, stdout, stderr); err != nil {
		return err
	}
	if request.GetIsPlugin() {
		packaged, err := toolchain.IsBuildablePackage(options.ProgramDir)
		if err != nil {
			return err
		}
		if packaged {
			err = environment.InstallPackage(ctx, options.ProgramDir, versionTools, true, stdout, stderr)
		}
		if err != nil {
			return err
		}
	}
	return closer.Close()
}
