// Command mutate tries whether the tests of a package see faults in its assembly. It makes
// small faults, one at a time, and runs the tests on each: they should fail. The sources
// are left as they are.
//
//	go run ./mutate -count 100 ../internal/lanehash/blake3_amd64.s
//
// Faults are a flipped bit of a table, an instruction with two of its registers swapped,
// and a call of another function of the file. A fault that the tests do not see is printed:
// either it changes nothing, or a test is missing.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	count := flag.Int("count", 100, "how many faults to try, at random; 0 for all")
	seed := flag.Uint64("seed", 1, "which ones")
	kind := flag.String("kind", "", "try faults of this kind only: flip, swap or call")
	within := flag.String("func", "", "try faults in functions and tables only whose name has this in it")
	timeout := flag.Duration("timeout", 2*time.Minute, "after which tests count as failed")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: mutate [flags] FILE.s")
	}
	if err := try(flag.Arg(0), *kind, *within, *count, *seed, *timeout); err != nil {
		log.Fatal(err)
	}
}

func try(file, kind, within string, count int, seed uint64, timeout time.Duration) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := strings.Split(string(source), "\n")
	var faults []fault
	for _, f := range list(lines, rand.New(rand.NewPCG(seed, 1))) {
		if (kind == "" || f.kind == kind) && strings.Contains(f.in, within) {
			faults = append(faults, f)
		}
	}
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	if count > 0 {
		faults = faults[:min(count, len(faults))]
	}
	t, err := newTrial(file, timeout)
	if err != nil {
		return err
	}
	defer os.RemoveAll(t.dir)
	if seen, err := t.run(lines); err != nil || seen {
		return errors.Join(err, fmt.Errorf("the tests of %s do not pass as it is", t.pkg))
	}
	seen, invalid, survivors := 0, 0, 0
	for _, f := range faults {
		was := lines[f.line]
		lines[f.line] = f.text
		found, err := t.run(lines)
		lines[f.line] = was
		switch {
		case errors.Is(err, errInvalid):
			invalid++
		case err != nil:
			return err
		case found:
			seen++
		default:
			survivors++
			fmt.Printf("%s:%d: %s in %s not seen:\n\t%s\n\t%s\n", file, f.line+1, f.kind, f.in, strings.TrimSpace(was), strings.TrimSpace(f.text))
		}
	}
	fmt.Printf("%s: %d faults seen, %d not; %d that the assembler refuses\n", file, seen, survivors, invalid)
	return nil
}

// trial runs the tests of a package with one of its files in another form.
type trial struct {
	pkg, dir, mutant, overlay string
	timeout                   time.Duration
}

func newTrial(file string, timeout time.Duration) (*trial, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	t := &trial{pkg: filepath.Dir(path), dir: dir, timeout: timeout,
		mutant: filepath.Join(dir, "mutant.s"), overlay: filepath.Join(dir, "overlay.json")}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: t.mutant}})
	if err != nil {
		return nil, err
	}
	return t, os.WriteFile(t.overlay, replace, 0o600)
}

// errInvalid is returned for a fault that the assembler refuses.
var errInvalid = errors.New("it does not build")

// run reports whether the tests fail.
func (t *trial) run(lines []string) (failed bool, err error) {
	if err := os.WriteFile(t.mutant, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		return false, err
	}
	binary := filepath.Join(t.dir, "tests")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", t.overlay, "-o", binary, ".")
	build.Dir = t.pkg
	if out, err := build.CombinedOutput(); err != nil {
		return false, fmt.Errorf("%w: %s", errInvalid, out)
	}
	tests := exec.Command(binary, "-test.short", "-test.failfast", "-test.timeout", t.timeout.String())
	tests.Dir = t.pkg
	var exit *exec.ExitError
	if err := tests.Run(); err != nil && !errors.As(err, &exit) {
		return false, err
	}
	return exit != nil, nil
}
