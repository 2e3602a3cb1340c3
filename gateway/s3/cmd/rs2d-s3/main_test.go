package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// TestRun runs a gateway as its users do, until it is told to end; the next one has what the
// first one had. Nodes keep metadata in parts.
func TestRun(t *testing.T) {
	file := configure(t, nodetest.Metadata(committee.Coded))
	data := bytes.Repeat([]byte("some bytes"), 10_000)
	for round := range 2 {
		c, end := run(t, "--committee", file("committee.toml"), "--key", file("client.key"), "--state", file("state"), "--secret", file("secret"))
		if round == 0 {
			put(t, c, "key", data)
		}
		expect(t, c, "key", data)
		end()
	}
}

// run runs a gateway, and returns a client of it and what tells it to end.
func run(t *testing.T, args ...string) (c *minio.Client, end func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	log, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, append([]string{"run", "--access-key", "me", "--listen", at}, args...), io.Discard, w)
		w.Close()
	}()
	lines := bufio.NewScanner(log)
	for lines.Scan() && !strings.Contains(lines.Text(), "msg=serving") {
		t.Log(lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	if c, err = minio.New(at, &minio.Options{Creds: credentials.NewStaticV4("me", "a secret that nobody guesses", "")}); err != nil {
		t.Fatal(err)
	}
	return c, func() {
		t.Helper()
		cancel()
		if got := <-code; got != 0 {
			t.Errorf("told to end: exit code %d", got)
		}
	}
}

// put puts an object into a bucket that it makes.
func put(t *testing.T, c *minio.Client, key string, data []byte) {
	t.Helper()
	if err := c.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutObject(t.Context(), "bucket", key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, c *minio.Client, key string, want []byte) {
	t.Helper()
	o, err := c.GetObject(t.Context(), "bucket", key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes (%v), want the %d that were put", len(got), err, len(want))
	}
}

// TestRebuild loses the database of a gateway on a ledger, makes it again, and runs it.
func TestRebuild(t *testing.T) {
	town, writer := nodetest.StartOnLedger(t, commit.BLAKE3, 4, 10)
	file := files(t, map[string][]byte{"client.key": writer.Reveal()})
	data := bytes.Repeat([]byte("some bytes"), 1000)
	args := []string{"--ledger", town.URL, "--key", file("client.key"), "--state", file("state"), "--secret", file("secret"), "--epochs", "2"}
	c, end := run(t, args...)
	put(t, c, "key", data)
	end()
	if err := os.RemoveAll(file("state")); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	rebuild := []string{"rebuild", "--ledger", town.URL, "--key", file("client.key"), "--state", file("state"), "--access-key", "me", "--json"}
	if got := execute(t.Context(), rebuild, &stdout, &stderr); got != 0 || stdout.String() != `{"buckets":1,"objects":1,"bytes":10000,"uploads":0,"unknown":0,"older":0,"foreign":0,"lost":[]}`+"\n" {
		t.Errorf("exit code %d, %s%s", got, stdout.String(), stderr.String())
	}
	if got := execute(t.Context(), rebuild, io.Discard, &stderr); got != 2 || !strings.Contains(stderr.String(), "in use") {
		t.Errorf("once more: exit code %d, %s, want it refused", got, stderr.String())
	}
	c, end = run(t, args...)
	expect(t, c, "key", data)
	end()
}

// TestUsage has command lines that are wrong.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("a secret that nobody guesses"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--help", 0, ""},
		{"run --help", 0, ""},
		{"", 2, "expected"},
		{"run", 2, "missing flags"},
		{"run --key none --state s --access-key a --secret none", 2, "no such file"},
		{"run --key none --state s --access-key a --secret " + secret, 2, "no such file"},
		{"run --key none --state s --access-key a --secret x --writes 0", 2, "more than zero"},
		{"rebuild --help", 0, ""},
		{"rebuild --key none --state s --access-key a", 2, "--ledger URL"},
		{"rebuild --key none --state s --access-key a --ledger http://127.0.0.1:1", 2, "no such file"},
	} {
		var stderr bytes.Buffer
		if got := execute(t.Context(), strings.Fields(c.args), io.Discard, &stderr); got != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%q: exit code %d, %s; want %d, %q", c.args, got, stderr.String(), c.code, c.want)
		}
	}
}

// TestBounds makes room for a piece, whatever the code, and pieces that are blobs of it.
func TestBounds(t *testing.T) {
	for _, shards := range []int{4, 10, 100, 1000} {
		p, err := commit.NewParams(shards)
		if err != nil {
			t.Fatal(err)
		}
		c := runCmd{PieceMiB: 16, MaxMemory: 224, Writes: 4}
		piece, memory, err := c.bounds(p)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := p.EncodedLength(uint64(piece))
		if err != nil || piece < 1<<20 && uint64(piece) != p.MaxBlob() || piece > 16<<20 || uint64(memory) < encoded || memory+4*piece > 128<<20 {
			t.Errorf("%d shards: pieces of %d bytes (%v), %d of slivers, in %d bytes", shards, piece, err, encoded, memory)
		}
	}
}

// TestTooLittleMemory says so.
func TestTooLittleMemory(t *testing.T) {
	p, err := commit.NewParams(1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []runCmd{{PieceMiB: 16, MaxMemory: 41, Writes: 4}, {PieceMiB: 16, MaxMemory: 224, Writes: 1000}} {
		if piece, memory, err := c.bounds(p); err == nil || !strings.Contains(err.Error(), "too little") {
			t.Errorf("%d MiB for %d writes: pieces of %d bytes, %d for slivers (%v)", c.MaxMemory, c.Writes, piece, memory, err)
		}
	}
}
