// pulumi-language-python: the part of Pulumi that runs Python programs, component plugins and policy packs.
//
// The engine starts it with its own address, reads the port of a LanguageRuntime service from the first line of
// stdout, and interrupts it when the deployment ends. Python itself (virtual environments, package managers) is
// the business of Pulumi's published toolchain package.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"google.golang.org/grpc"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// programRunner is the Python script of the SDK that a program is started through. The build puts it beside this
// binary.
const programRunner = "pulumi-language-python-exec"

// engineCheckInterval is how often the host asks whether the engine still lives.
const engineCheckInterval = 5 * time.Second

func main() {
	if err := serve(); err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-language-python: %v\n", err)
		os.Exit(1)
	}
}

func serve() error {
	tracing := flag.String("tracing", "", "a Zipkin-compatible endpoint, handed on to the program")
	showVersion := flag.Bool("version", false, "print the version and exit")
	for _, name := range []string{"root", "virtualenv", "toolchain", "typechecker"} {
		flag.String(name, "", "ignored: passed by engines that predate per-request options")
	}
	flag.Parse()
	if *showVersion {
		fmt.Println(version.Version)
		return nil
	}
	logging.InitLogging(false, 0, false) // -v and -logtostderr are the logging package's own flags

	runner, err := findProgramRunner()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	engine := flag.Arg(0)
	if engine != "" {
		if err := rpcutil.Healthcheck(ctx, engine, engineCheckInterval, stop); err != nil {
			return fmt.Errorf("watch the engine at %q: %w", engine, err)
		}
	}
	host := &languageHost{engine: engine, tracing: *tracing, runner: runner}
	return listen(ctx, host)
}

// listen serves the host until ctx is done.
func listen(ctx context.Context, host *languageHost) error {
	cancel := make(chan bool)
	go func() {
		<-ctx.Done()
		close(cancel)
	}()
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, host)
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("serve the language runtime: %w", err)
	}
	fmt.Printf("%d\n", server.Port)
	return <-server.Done
}

// findProgramRunner looks beside this binary first, then on PATH.
func findProgramRunner() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this executable: %w", err)
	}
	beside := filepath.Join(filepath.Dir(self), programRunner)
	_, err = os.Stat(beside)
	if err == nil {
		return beside, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	onPath, err := exec.LookPath(programRunner)
	if err != nil {
		return "", fmt.Errorf("%s is neither beside %s nor on PATH", programRunner, self)
	}
	return onPath, nil
}
