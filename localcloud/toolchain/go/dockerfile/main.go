// Says what BuildKit makes of a Dockerfile, platform by platform, without a daemon and without a registry:
// `dockerfile-plan FILE PLATFORM…`. BuildKit's own frontend reads it, as `docker buildx build` would have it
// do; only the images that it is built on are not looked at, and nothing is run.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Plan is what a Dockerfile comes to on one platform.
type Plan struct {
	Base     []string             `json:"base"`     // images that it is built on
	Config   ocispecs.ImageConfig `json:"config"`   // what it adds to their configuration
	Copies   []string             `json:"copies"`   // where files of the context go
	Runs     [][]string           `json:"runs"`     // commands that are run in it
	Warnings []string             `json:"warnings"` // what BuildKit's checks say
}

func main() {
	file, err := os.ReadFile(os.Args[1])
	fail(err)
	plans := map[string]Plan{}
	for _, platform := range os.Args[2:] {
		plans[platform] = planned(file, platform)
	}
	fail(json.NewEncoder(os.Stdout).Encode(plans))
}

func planned(file []byte, name string) Plan {
	platform, err := platforms.Parse(name)
	fail(err)
	plan := Plan{Warnings: []string{}}
	options := dockerfile2llb.ConvertOpt{
		TargetPlatform: &platform,
		MetaResolver:   &registry{platform: platform},
		Warn: func(rule, _, _, message string, _ []parser.Range) {
			plan.Warnings = append(plan.Warnings, rule+": "+message)
		},
	}
	made, err := dockerfile2llb.Dockerfile2LLB(context.Background(), file, options)
	fail(err)
	plan.Config = made.Image.Config.ImageConfig
	graph, err := made.State.Marshal(context.Background(), llb.Platform(platform))
	fail(err)
	for _, bytes := range graph.Def {
		var operation pb.Op
		fail(operation.UnmarshalVT(bytes))
		plan.add(&operation)
	}
	return plan
}

func (plan *Plan) add(operation *pb.Op) {
	if source := operation.GetSource(); source != nil && source.Identifier != "local://context" {
		plan.Base = append(plan.Base, source.Identifier)
	}
	if exec := operation.GetExec(); exec != nil {
		plan.Runs = append(plan.Runs, exec.Meta.Args)
	}
	for _, action := range operation.GetFile().GetActions() {
		if copied := action.GetCopy(); copied != nil {
			plan.Copies = append(plan.Copies, copied.Dest)
		}
	}
}

// registry answers for every image that it is there, with one layer; one without any would be left out.
type registry struct {
	platform ocispecs.Platform
}

func (it *registry) ResolveImageConfig(
	_ context.Context, reference string, _ sourceresolver.Opt,
) (string, digest.Digest, []byte, error) {
	layer := ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(reference)}}
	config, err := json.Marshal(ocispecs.Image{Platform: it.platform, RootFS: layer})
	return reference, digest.FromBytes(config), config, err
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
