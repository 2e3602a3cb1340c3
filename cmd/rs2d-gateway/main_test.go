package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

func TestMain(m *testing.M) {
	// A process under the race detector would sleep a second before it ends.
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	testscript.Main(m, map[string]func(){"rs2d-gateway": main})
}

// TestScripts runs the command as its users do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
	})
}

// gateway is a process of the command, before nodes of the test.
type gateway struct {
	cmd *exec.Cmd
	url string
	log *bufio.Reader

	metrics string // their address, if there are any
}

// files writes the committee of a cluster and the key of its writer.
func files(t *testing.T) (committee, key string) {
	t.Helper()
	nodes, writer := nodetest.Start(t, commit.Walrus, 4, 10)
	dir := t.TempDir()
	text, err := nodes.Control.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	committee, key = filepath.Join(dir, "committee.toml"), filepath.Join(dir, "client.key")
	if err := os.WriteFile(committee, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, writer.Reveal(), 0o600); err != nil {
		t.Fatal(err)
	}
	return committee, key
}

// start runs the command until the test ends.
func start(t *testing.T, args ...string) *gateway {
	t.Helper()
	program, err := exec.LookPath("rs2d-gateway")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{cmd: exec.Command(program, append([]string{"run", "--listen", "127.0.0.1:0"}, args...)...)}
	log, err := g.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.cmd.Process.Kill() })
	g.log = bufio.NewReader(log)
	for address := regexp.MustCompile(`msg=serving address=(\S+)`); ; {
		line, err := g.log.ReadString('\n')
		if err != nil {
			t.Fatalf("the gateway does not serve: %v", err)
		}
		if _, at, ok := strings.Cut(strings.TrimSpace(line), "msg=metrics address="); ok {
			g.metrics = at
		}
		if m := address.FindStringSubmatch(line); m != nil {
			g.url = "http://" + m[1]
			return g
		}
	}
}

// ask makes a request.
func ask(t *testing.T, method, url string, body []byte) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, text
}

// TestKill kills a gateway. What it has acknowledged is there for the next one, which has
// no key and takes no writes, and ends when it is told to.
func TestKill(t *testing.T) {
	committee, key := files(t)
	first := start(t, "--committee", committee, "--key", key, "--max-blob", "1MiB")
	blob := bytes.Repeat([]byte("some bytes"), 50_000)
	code, text := ask(t, "PUT", first.url+"/v1/blobs", blob)
	_, id, ok := strings.Cut(string(text), `"blobId":"`)
	if code != 200 || !ok {
		t.Fatalf("%d, %s", code, text)
	}
	id = id[:43]
	if code, _ := ask(t, "PUT", first.url+"/v1/blobs", make([]byte, 1<<20+1)); code != 413 {
		t.Errorf("a blob that is too long: %d", code)
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	guarded := start(t, "--committee", committee, "--key", key, "--jwt-secret", secret)
	if code, text := ask(t, "PUT", guarded.url+"/v1/blobs", blob); code != 400 || !strings.Contains(string(text), "Bearer") {
		t.Errorf("a write without a token: %d, %s", code, text)
	}
	second := start(t, "--committee", committee)
	if code, got := ask(t, "GET", second.url+"/v1/blobs/"+id, nil); code != 200 || !bytes.Equal(got, blob) {
		t.Errorf("after a kill: %d, %d bytes", code, len(got))
	}
	if code, _ := ask(t, "PUT", second.url+"/v1/blobs", blob); code != 404 {
		t.Errorf("a write without a key: %d", code)
	}
	if err := second.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(second.log)
	if err := second.cmd.Wait(); err != nil {
		t.Errorf("told to end: %v\n%s", err, rest)
	}
}

// TestKillUnderLoad kills a gateway while clients write: all that it has acknowledged is there.
func TestKillUnderLoad(t *testing.T) {
	committee, key := files(t)
	first := start(t, "--committee", committee, "--key", key)
	const writers, enough = 6, 20
	acknowledged := make(chan string)
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := 0; ; i++ {
				blob := bytes.Repeat([]byte{byte(w), byte(i)}, 10_000)
				r, err := http.NewRequestWithContext(t.Context(), "PUT", first.url+"/v1/blobs", bytes.NewReader(blob))
				if err != nil {
					t.Error(err)
					return
				}
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					return // it was killed
				}
				text, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil {
					return
				}
				_, id, ok := strings.Cut(string(text), `"blobId":"`)
				if answer.StatusCode != 200 || !ok {
					t.Errorf("%d, %s", answer.StatusCode, text)
					return
				}
				acknowledged <- id[:43] + string(blob[:2])
			}
		})
	}
	go func() {
		writing.Wait()
		close(acknowledged)
	}()
	var all []string
	for one := range acknowledged {
		if all = append(all, one); len(all) == enough {
			if err := first.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	second := start(t, "--committee", committee)
	for _, one := range all {
		if code, got := ask(t, "GET", second.url+"/v1/blobs/"+one[:43], nil); code != 200 || !bytes.Equal(got, bytes.Repeat([]byte(one[43:]), 10_000)) {
			t.Errorf("%s, which was acknowledged: %d, %d bytes", one[:43], code, len(got))
		}
	}
	if len(all) < enough {
		t.Errorf("%d writes were acknowledged, want %d at least", len(all), enough)
	}
}

// TestMetrics reads a blob twice, once of them from the cache.
func TestMetrics(t *testing.T) {
	committee, key := files(t)
	g := start(t, "--committee", committee, "--key", key, "--metrics-listen", "127.0.0.1:0")
	_, text := ask(t, "PUT", g.url+"/v1/blobs", []byte("a blob"))
	_, id, _ := strings.Cut(string(text), `"blobId":"`)
	for range 2 {
		if code, got := ask(t, "GET", g.url+"/v1/blobs/"+id[:43], nil); code != 200 || string(got) != "a blob" {
			t.Fatalf("%d, %q", code, got)
		}
	}
	_, shown := ask(t, "GET", "http://"+g.metrics+"/metrics", nil)
	for _, want := range []string{"redstuff_cache_hits_total 2", "redstuff_cache_misses_total 2", "redstuff_cache_entries 2", "redstuff_request_seconds", "go_goroutines"} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("no %q in\n%s", want, shown)
		}
	}
}

// TestLedger runs a gateway before nodes on a ledger, whose account pays for what it stores.
func TestLedger(t *testing.T) {
	town, writer := nodetest.StartOnLedger(t, commit.Walrus, 4, 10)
	server := httptest.NewServer(rpc.Handler(chain.Local(town.Ledger)))
	defer server.Close()
	text, err := genesis.Marshal(town.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	begin, key := filepath.Join(t.TempDir(), "genesis.toml"), filepath.Join(t.TempDir(), "client.key")
	if err := errors.Join(os.WriteFile(begin, text, 0o600), os.WriteFile(key, writer.Reveal(), 0o600)); err != nil {
		t.Fatal(err)
	}
	g := start(t, "--ledger", server.URL, "--genesis", begin, "--key", key)
	code, answer := ask(t, "PUT", g.url+"/v1/blobs?epochs=7&permanent=true", []byte("a blob"))
	var stored struct {
		NewlyCreated struct {
			BlobObject struct {
				ID, BlobID string
				Storage    struct{ EndEpoch int }
			}
		}
	}
	if err := json.Unmarshal(answer, &stored); err != nil || code != 200 || stored.NewlyCreated.BlobObject.Storage.EndEpoch != 8 {
		t.Fatalf("%d, %s (%v), want it stored until epoch 8", code, answer, err)
	}
	reader := start(t, "--ledger", server.URL)
	if code, got := ask(t, "GET", reader.url+"/v1/blobs/by-object-id/"+stored.NewlyCreated.BlobObject.ID, nil); code != 200 || string(got) != "a blob" {
		t.Errorf("by its object: %d, %q", code, got)
	}
}

// TestSlowBodies has more clients send bodies that do not come than the gateway has room
// for. They are cut off, and others are served.
func TestSlowBodies(t *testing.T) {
	committee, key := files(t)
	g := start(t, "--committee", committee, "--key", key, "--stall-timeout", "200ms", "--max-writes", "2")
	const clients = 20
	ends := make(chan error, clients)
	for range clients {
		r, w := io.Pipe()
		defer w.Close()
		go func() { _, _ = fmt.Fprint(w, "the beginning") }()
		go func() {
			request, err := http.NewRequestWithContext(t.Context(), "PUT", g.url+"/v1/blobs", r)
			if err == nil {
				var answer *http.Response
				if answer, err = http.DefaultClient.Do(request); err == nil {
					answer.Body.Close()
					err = fmt.Errorf("status %d", answer.StatusCode)
				}
			}
			ends <- err
		}()
	}
	for range clients {
		if err := <-ends; strings.Contains(err.Error(), "status 200") {
			t.Error(err)
		}
	}
	if code, text := ask(t, "PUT", g.url+"/v1/blobs", []byte("a blob")); code != 200 {
		t.Errorf("afterwards: %d, %s", code, text)
	}
}
