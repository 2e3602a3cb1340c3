package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// judge is a process that runs Walrus's packages.
type judge struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// newJudge starts a judge of the encoder and of quilts, which ends with the test.
func newJudge(t *testing.T) *judge {
	t.Helper()
	return startJudge(t, "judge.mjs")
}

// startJudge starts a program, with variables of its environment.
func startJudge(t *testing.T, program string, environment ...string) *judge {
	t.Helper()
	missing := func(err error) {
		if os.Getenv("REDSTUFF_NPM") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v: npm ci in gateway/conformance installs what is missing", err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing(err)
	}
	if _, err := os.Stat("node_modules/@mysten/walrus-wasm"); err != nil {
		missing(err)
	}
	cmd := exec.Command(node, "--experimental-websocket", program)
	cmd.Stderr, cmd.Env = os.Stderr, append(os.Environ(), environment...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Errorf("judge: %v", err)
		}
	})
	return &judge{in, bufio.NewReader(out)}
}

// ask sends one request and reads the answer. The error is the judge's own, or that
// there is no answer.
func (j *judge) ask(request, answer any) error {
	data, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if _, err := j.in.Write(append(data, '\n')); err != nil {
		return err
	}
	line, err := j.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	var failure struct{ Error string }
	if err := json.Unmarshal(line, &failure); err == nil && failure.Error != "" {
		return fmt.Errorf("judge: %s", failure.Error)
	}
	return json.Unmarshal(line, answer)
}
