// What KubeRay says to RayServices: a JSON list of manifests comes in, a list of refusals goes out, each
// empty where there is none. Its webhook judges names; the rest it judges when it reconciles, in an event.
package main

import (
	"bytes"
	"encoding/json"
	"os"

	rayv1 "github.com/ray-project/kuberay/ray-operator/apis/ray/v1"
	"github.com/ray-project/kuberay/ray-operator/controllers/ray/utils"
)

func refusal(manifest json.RawMessage) string {
	var service rayv1.RayService
	strict := json.NewDecoder(bytes.NewReader(manifest))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&service); err != nil {
		return err.Error()
	}
	if err := utils.ValidateRayServiceMetadata(service.ObjectMeta); err != nil {
		return err.Error()
	}
	if err := utils.ValidateRayServiceSpec(&service); err != nil {
		return err.Error()
	}
	return ""
}

func main() {
	var manifests []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&manifests); err != nil {
		panic(err)
	}
	refusals := []string{}
	for _, manifest := range manifests {
		refusals = append(refusals, refusal(manifest))
	}
	if err := json.NewEncoder(os.Stdout).Encode(refusals); err != nil {
		panic(err)
	}
}
