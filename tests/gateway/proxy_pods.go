// The Deployment that Envoy Gateway's controller makes of an EnvoyProxy: a JSON object with the controller's own
// configuration, the EnvoyProxy and the labels of its Gateway comes in, the Deployment goes out.
package main

import (
	"context"
	"encoding/json"
	"os"

	"k8s.io/apimachinery/pkg/types"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
	"github.com/envoyproxy/gateway/internal/infrastructure/kubernetes/proxy"
	"github.com/envoyproxy/gateway/internal/ir"
)

type asked struct {
	EnvoyGateway *egv1a1.EnvoyGateway `json:"envoyGateway"`
	EnvoyProxy   *egv1a1.EnvoyProxy   `json:"envoyProxy"`
	Labels       map[string]string    `json:"labels"`
}

func (a *asked) GetControllerNamespace() string          { return a.EnvoyProxy.Namespace }
func (a *asked) GetDNSDomain() string                    { return "cluster.local" }
func (a *asked) GetEnvoyGateway() *egv1a1.EnvoyGateway   { return a.EnvoyGateway }
func (a *asked) GetResourceNamespace(_ *ir.Infra) string { return a.EnvoyProxy.Namespace }
func (a *asked) GetOwnerReferenceUID(_ context.Context, _ *ir.Infra) (map[string]types.UID, error) {
	return map[string]types.UID{"GatewayClass": "none"}, nil
}

func main() {
	given := &asked{}
	if err := json.NewDecoder(os.Stdin).Decode(given); err != nil {
		panic(err)
	}
	infra := ir.NewInfra()
	infra.Proxy.Name = given.EnvoyProxy.Namespace + "/" + given.EnvoyProxy.Name
	infra.Proxy.Config = given.EnvoyProxy
	infra.Proxy.GetProxyMetadata().Labels = given.Labels
	infra.Proxy.GetProxyMetadata().OwnerReference = &ir.ResourceMetadata{Kind: "GatewayClass", Name: "envoy"}
	render, err := proxy.NewResourceRender(context.Background(), given, infra)
	if err != nil {
		panic(err)
	}
	deployment, err := render.Deployment()
	if err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(deployment); err != nil {
		panic(err)
	}
}
