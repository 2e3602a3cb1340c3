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
			code <- execute(ctx, []string{
				"run", "--committee", file("committee.toml"), "--key", file("client.key"), "--state", file("state"),
				"--access-key", "me", "--secret", file("secret"), "--listen", at,
			}, io.Discard, w)
			w.Close()
		}()
		lines := bufio.NewScanner(log)
		for lines.Scan() && !strings.Contains(lines.Text(), "msg=serving") {
			t.Log(lines.Text())
		}
		go func() { _, _ = io.Copy(io.Discard, log) }()
		c, err := minio.New(at, &minio.Options{Creds: credentials.NewStaticV4("me", "a secret that nobody guesses", "")})
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if err := c.MakeBucket(t.Context(), "bucket", minio.MakeBucketOptions{}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.PutObject(t.Context(), "bucket", "key", bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		o, err := c.GetObject(t.Context(), "bucket", "key", minio.GetObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes (%v), want the %d that were put", len(got), err, len(data))
		}
		cancel()
		if got := <-code; got != 0 {
			t.Errorf("told to end: exit code %d", got)
		}
	}
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
