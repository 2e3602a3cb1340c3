package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// kills is how often TestKillProcess kills a gateway.
var kills = flag.Int("kills", 1, "how often to kill a gateway under load")

// childMode has the test's program be the command.
const childMode = "RS2D_S3_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMode) != "" {
		os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// configure starts nodes, and returns the names of files of which a gateway before them is made.
func configure(t *testing.T, options ...nodetest.Option) (file func(name string) string) {
	t.Helper()
	nodes, writer := nodetest.Start(t, commit.BLAKE3, 4, 10, options...)
	dir := t.TempDir()
	file = func(name string) string { return filepath.Join(dir, name) }
	text, err := nodes.Control.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.WriteFile(file("committee.toml"), text, 0o600), os.WriteFile(file("client.key"), writer.Reveal(), 0o600),
		os.WriteFile(file("secret"), []byte("a secret that nobody guesses\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestKillProcess kills a gateway while objects are put, again and again: what it has
// acknowledged is there when it runs again.
func TestKillProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	file := configure(t)
	acknowledged, total := make(map[string][]byte), 0
	for round := range *kills + 1 {
		at, kill := startChild(t, file)
		c, err := minio.New(at, &minio.Options{Creds: credentials.NewStaticV4("me", "a secret that nobody guesses", ""), MaxRetries: 1})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if err := c.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		for key, want := range acknowledged {
			o, err := c.GetObject(t.Context(), "bucket", key, minio.GetObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, want) {
				t.Errorf("killed %d times: %s is %d bytes (%v), want the %d that were acknowledged", round, key, len(got), err, len(want))
			}
			o.Close()
		}
		if round == *kills {
			kill()
			break
		}
		clear(acknowledged) // those were there
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var writers sync.WaitGroup
		enough, last := 5+rand.IntN(20), make(chan struct{})
		for w := range 4 {
			writers.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					key, data := fmt.Sprintf("%d/%d/%d", round, w, i), bytes.Repeat([]byte{byte(round), byte(w), byte(i)}, 7000)
					if _, err := c.PutObject(ctx, "bucket", key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{}); err != nil {
						return // it is killed
					}
					mu.Lock()
					acknowledged[key] = data
					if len(acknowledged) == enough {
						close(last)
					}
					mu.Unlock()
				}
			})
		}
		gone := make(chan struct{})
		go func() { writers.Wait(); close(gone) }()
		select {
		case <-last:
		case <-gone:
			t.Error("the writers have ended before the gateway was killed")
		}
		kill()
		cancel()
		<-gone
		total += len(acknowledged)
	}
	t.Logf("%d objects were acknowledged before %d kills", total, *kills)
}

// startChild starts a gateway in a process of its own, and returns its address when it serves,
// and what kills it.
func startChild(t *testing.T, file func(string) string) (at string, kill func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "run", "--committee", file("committee.toml"), "--key", file("client.key"), "--state", file("state"),
		"--access-key", "me", "--secret", file("secret"), "--listen", at)
	child.Env = append(os.Environ(), childMode+"=1")
	log, err := child.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	t.Cleanup(kill)
	lines := bufio.NewScanner(log)
	serves := false
	for !serves && lines.Scan() {
		t.Log(lines.Text())
		serves = strings.Contains(lines.Text(), "msg=serving")
	}
	if !serves {
		t.Fatal("the gateway does not come to serve")
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	return at, kill
}
