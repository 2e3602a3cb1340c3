// Command rs2d-node is the daemon that stores blobs as one node of a committee, and the
// tools to make a committee and to look after it. Run rs2d-node --help.
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
