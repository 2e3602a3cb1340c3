// Command rs2d-gateway stands between a cluster of nodes and programs that speak the HTTP
// API of Walrus's publisher and aggregator. Run rs2d-gateway --help.
package main

import (
	"context"
	"os"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
)

func main() {
	os.Exit(cli.Main(func(ctx context.Context) int {
		return execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}))
}
