package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// The program that runs a validator. It is in a module of its own, because of all that
// CometBFT brings along.
const (
	validatorName    = "rs2d-comet"
	validatorPackage = "github.com/redstuff-go/redstuff/cmd/rs2d-comet"
)

// validatorProgram finds the program that runs a validator: the one that was named, or
// beside this program, or in PATH. If there is none, go makes it in the directory: that
// works in a clone of the project.
func validatorProgram(ctx context.Context, named, self, dir string, say func(format string, args ...any)) (string, error) {
	if named != "" {
		return exec.LookPath(named)
	}
	for _, name := range []string{filepath.Join(filepath.Dir(self), validatorName), validatorName} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	say("building %s", validatorName)
	made := filepath.Join(dir, validatorName)
	out, err := exec.CommandContext(ctx, "go", "build", "-o", made, validatorPackage).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s is neither beside this program nor in PATH, and go does not build it here (%v: %s): go install ./cmd/%[1]s in a clone of the project, or name it with --comet",
			validatorName, err, strings.TrimSpace(string(out)))
	}
	return made, nil
}
