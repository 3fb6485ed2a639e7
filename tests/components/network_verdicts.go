// Whether network policies let traffic through, by Cyclonus: policies and traffic come in, a list of answers
// goes out.
package main

import (
	"encoding/json"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	networkingv1 "k8s.io/api/networking/v1"
)

type question struct {
	Policies []*networkingv1.NetworkPolicy
	Traffic  []matcher.Traffic
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		panic(err)
	}
	policy := matcher.BuildNetworkPolicies(false, asked.Policies)
	allowed := []bool{}
	for _, traffic := range asked.Traffic {
		allowed = append(allowed, policy.IsTrafficAllowed(&traffic).IsAllowed())
	}
	if err := json.NewEncoder(os.Stdout).Encode(allowed); err != nil {
		panic(err)
	}
}
