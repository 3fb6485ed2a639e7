// Package v2 takes the place of kinds.go in the SDK's package of that name when the provider is compiled.
//
// That file gives each of 157 Kubernetes kinds a Go type of its own, and so makes the provider compile the whole
// SDK, which takes longer than all the rest of it. The provider never looks at those types.
package v2

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// object is a Kubernetes object of any kind.
type object struct {
	pulumi.CustomResourceState
}

// RegisterResource registers a Kubernetes object under the type token that the schema has for its kind.
func RegisterResource(
	ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input, opts ...pulumi.ResourceOption,
) (pulumi.CustomResource, error) {
	if apiVersion == "v1" {
		apiVersion = "core/v1"
	}
	var registered object
	err := ctx.RegisterResource(fmt.Sprintf("kubernetes:%s:%s", apiVersion, kind), name, props, &registered, opts...)
	if err != nil {
		return nil, err
	}
	return &registered, nil
}
