package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/blang/semver"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// GeneratePackage writes the Python SDK of a package from its schema.
func (h *languageHost) GeneratePackage(
	ctx context.Context, request *pulumirpc.GeneratePackageRequest,
) (*pulumirpc.GeneratePackageResponse, error) {
	loader, err := schema.NewLoaderClient(request.GetLoaderTarget())
	if err != nil {
		return nil, err
	}
	defer loader.Close()

	var spec schema.PackageSpec
	if err := json.Unmarshal([]byte(request.GetSchema()), &spec); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	cached := schema.NewCachedLoader(loader)
	bound, diagnostics, err := schema.BindSpecWithContext(ctx, spec, cached, schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.GeneratePackageResponse{Diagnostics: plugin.HclDiagnosticsToRPCDiagnostics(diagnostics)}
	if diagnostics.HasErrors() {
		return response, nil
	}
	files, err := python.GeneratePackage("pulumi-language-python", bound, request.GetExtraFiles(), cached)
	if err != nil {
		return nil, err
	}
	for name, content := range files {
		path := filepath.Join(request.GetDirectory(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return nil, err
		}
	}
	return response, nil
}

// Link adds generated SDKs to the program's list of requirements and says how to import them.
func (h *languageHost) Link(
	ctx context.Context, request *pulumirpc.LinkRequest,
) (*pulumirpc.LinkResponse, error) {
	environment, _, err := resolve(request.GetInfo())
	if err != nil {
		return nil, err
	}
	loader, err := schema.NewLoaderClient(request.GetLoaderTarget())
	if err != nil {
		return nil, err
	}
	defer loader.Close()

	paths := map[string]string{}
	instructions := []string{"You can import the SDK in your Python code with:", ""}
	for _, dependency := range request.GetPackages() {
		name, err := pythonPackage(ctx, loader, dependency.GetPackage())
		if err != nil {
			return nil, err
		}
		paths[name] = dependency.GetPath()
		instructions = append(instructions, "  import "+strings.ReplaceAll(name, "-", "_"))
	}
	if err := environment.LinkPackages(ctx, paths); err != nil {
		return nil, err
	}
	return &pulumirpc.LinkResponse{ImportInstructions: strings.Join(append(instructions, ""), "\n")}, nil
}

// pythonPackage is the name of the Python distribution of a Pulumi package.
func pythonPackage(
	ctx context.Context, loader schema.ReferenceLoader, dependency *pulumirpc.PackageDependency,
) (string, error) {
	descriptor, err := packageDescriptor(dependency)
	if err != nil {
		return "", err
	}
	reference, err := loader.LoadPackageReferenceV2(ctx, descriptor)
	if err != nil {
		return "", err
	}
	definition, err := reference.Definition()
	if err != nil {
		return "", err
	}
	if err := definition.ImportLanguages(map[string]schema.Language{"python": python.Importer}); err != nil {
		return "", err
	}
	if info, ok := definition.Language["python"].(python.PackageInfo); ok && info.PackageName != "" {
		return info.PackageName, nil
	}
	return python.PyPack(definition.Namespace, definition.Name), nil
}

func packageDescriptor(dependency *pulumirpc.PackageDependency) (*schema.PackageDescriptor, error) {
	descriptor := &schema.PackageDescriptor{Name: dependency.GetName(), DownloadURL: dependency.GetServer()}
	if text := dependency.GetVersion(); text != "" {
		version, err := semver.ParseTolerant(text)
		if err != nil {
			return nil, fmt.Errorf("version %q of package %s: %w", text, descriptor.Name, err)
		}
		descriptor.Version = &version
	}
	if given := dependency.GetParameterization(); given != nil {
		version, err := semver.ParseTolerant(given.GetVersion())
		if err != nil {
			return nil, fmt.Errorf("version %q of package %s: %w", given.GetVersion(), given.GetName(), err)
		}
		descriptor.Parameterization = &schema.ParameterizationDescriptor{
			Name: given.GetName(), Version: version, Value: given.GetValue(),
		}
	}
	return descriptor, nil
}
