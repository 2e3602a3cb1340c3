// Command rs2d-ledger runs the ledger of a network of storage nodes in one process, and
// asks it what it knows. Run rs2d-ledger --help.
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
