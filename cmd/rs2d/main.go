// Command rs2d encodes files into RedStuff slivers, and checks, mends and decodes
// directories of them. Run rs2d --help.
package main

import (
	"context"
	"os"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
)

func main() {
	os.Exit(cli.MainPrompt("rs2d", func(ctx context.Context) int {
		return execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	}))
}
