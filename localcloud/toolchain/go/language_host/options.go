package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/python/toolchain"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// pythonOptions reads the runtime options of a Pulumi.yaml, PulumiPlugin.yaml or PulumiPolicy.yaml. A relative
// virtualenv is resolved against the folder of that file.
func pythonOptions(info *pulumirpc.ProgramInfo) (toolchain.PythonOptions, error) {
	options := toolchain.PythonOptions{Root: info.GetRootDirectory(), ProgramDir: info.GetProgramDirectory()}
	for name, value := range info.GetOptions().AsMap() {
		text, ok := value.(string)
		if !ok {
			return options, fmt.Errorf("runtime option %q of %s must be a string, not %v", name, options.Root, value)
		}
		if err := setOption(&options, name, strings.ToLower(text), text); err != nil {
			return options, fmt.Errorf("runtime options of %s: %w", options.Root, err)
		}
	}
	return options, nil
}

func setOption(options *toolchain.PythonOptions, name, choice, text string) error {
	switch name {
	case "virtualenv":
		options.Virtualenv = text
	case "toolchain":
		switch choice {
		case "auto", "":
			options.Toolchain = toolchain.Auto
		case "pip":
			options.Toolchain = toolchain.Pip
		case "poetry":
			options.Toolchain = toolchain.Poetry
		case "uv":
			options.Toolchain = toolchain.Uv
		default:
			return fmt.Errorf("toolchain = %q; allowed: auto, pip, poetry, uv", text)
		}
	case "typechecker":
		switch choice {
		case "none", "":
			options.Typechecker = toolchain.TypeCheckerNone
		case "mypy":
			options.Typechecker = toolchain.TypeCheckerMypy
		case "pyright":
			options.Typechecker = toolchain.TypeCheckerPyright
		default:
			return fmt.Errorf("typechecker = %q; allowed: none, mypy, pyright", text)
		}
	}
	return nil
}

// resolve gives the Python environment that a program asks for.
func resolve(info *pulumirpc.ProgramInfo) (toolchain.Toolchain, toolchain.PythonOptions, error) {
	options, err := pythonOptions(info)
	if err != nil {
		return nil, options, err
	}
	environment, err := toolchain.ResolveToolchain(options)
	return environment, options, err
}
