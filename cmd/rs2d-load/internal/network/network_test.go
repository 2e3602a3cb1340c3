package network

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProfiles(t *testing.T) {
	for _, name := range Named() {
		p, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != name || !strings.HasPrefix(p.String(), name+": ") {
			t.Errorf("%s is called %q", name, p)
		}
	}
	world, err := Load("wan")
	if err != nil {
		t.Fatal(err)
	}
	for a := range world.Places {
		for b := range world.Places {
			if there, back := world.link(a, b), world.link(b, a); there != back || a != b && there.Delay < Duration(30*time.Millisecond) {
				t.Errorf("%s to %s: %+v, and back %+v", world.Places[a].Name, world.Places[b].Name, there, back)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "net.toml")
	text := "[link]\ndelay = \"3ms\"\nwindow = \"1MiB\"\n[[place]]\nname = \"a\"\nup = \"2.5Mbit\"\n[[place]]\nname = \"b\"\n" +
		"[[route]]\nfrom = \"a\"\nto = \"b\"\ndelay = \"7ms\"\n[[route]]\nfrom = \"b\"\nto = \"a\"\nloss = 0.1\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want := Link{Delay: Duration(7 * time.Millisecond), Window: 1 << 20}
	if got := p.link(0, 1); got != want || p.Places[0].Up != 2.5e6 {
		t.Errorf("%+v, %+v, want %+v", got, p.Places, want)
	}
	if got := p.link(1, 0); got.Loss != 0.1 || got.Delay != Duration(3*time.Millisecond) {
		t.Errorf("the route back is %+v", got)
	}
	for text, want := range map[string]string{
		"[link]\ndelay = \"1h\"": "delay", "[link]\nloss = 0.7": "loss", "[link]\nspeed = 1": "speed", "[link]\nwindow = \"1KiB\"": "window",
		"[[place]]\nname = \"a\"\n[[place]]\nname = \"a\"": "name of its own", "[[route]]\nfrom = \"x\"\nto = \"y\"": "no place",
		"[[place]]\nname = \"a\"\nup = \"fast\"": "100Mbit", "[[place]]\nname = \"a\"\nup = \"-1Mbit\"": "100Mbit", "[link]\nreset = \"-1s\"": "reset",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "lan, wan, lossy") {
		t.Errorf("%v, want the names of profiles", err)
	}
}

// carried sends bytes over a link, and returns how long the first and all of them took.
func carried(t *testing.T, l Link, rate Rate, bytes_ int, way func() <-chan struct{}) (first, all time.Duration, losses int) {
	t.Helper()
	data := make([]byte, bytes_)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	in, src := net.Pipe()
	dst, out := net.Pipe()
	p := &pipe{
		link: l, back: time.Duration(l.Delay), up: &line{rate: float64(rate) / 8}, down: &line{}, closed: way,
		lost: func() { losses++ }, moved: func(int) {},
	}
	ended := make(chan error, 1)
	began := time.Now()
	go func() {
		ended <- p.carry(t.Context(), dst, src)
		dst.Close()
	}()
	go func() {
		_, _ = in.Write(data) // what does not come is found below
		in.Close()
	}()
	got := make([]byte, len(data))
	if _, err := io.ReadFull(out, got[:1]); err != nil {
		t.Fatal(err)
	}
	first = time.Since(began)
	if _, err := io.ReadFull(out, got[1:]); err != nil {
		t.Fatal(err)
	}
	all = time.Since(began)
	if _, err := out.Read(got[:1]); !errors.Is(err, io.EOF) || !bytes.Equal(got, data) {
		t.Errorf("%v at the end, want io.EOF, and equal bytes", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return first, all, losses
}

func open() <-chan struct{} { return nil }

// TestPipe has time pass as a line's delay, rate, window and losses have it.
func TestPipe(t *testing.T) {
	const ms = time.Millisecond
	between := func(t *testing.T, what string, got, least, most time.Duration) {
		t.Helper()
		if got < least || got > most {
			t.Errorf("%s after %v, want %v to %v", what, got, least, most)
		}
	}
	wide := Link{Delay: Duration(50 * ms), Window: maxWindow}
	t.Run("delay", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			first, all, _ := carried(t, wide, 0, 1000, open)
			between(t, "the first byte", first, 50*ms, 50*ms)
			between(t, "the last byte", all, 50*ms, 50*ms)
		})
	})
	t.Run("jitter", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := wide
			l.Jitter = Duration(20 * ms)
			_, all, _ := carried(t, l, 0, initial, open)
			between(t, "the last byte", all, 50*ms, 70*ms)
		})
	})
	t.Run("slow start", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			// 14.5 kB, then twice as much each 100 ms: 15 rounds have 465 kB after five of them.
			_, all, _ := carried(t, wide, 0, 400_000, open)
			between(t, "400 kB", all, 450*ms, 560*ms)
		})
	})
	t.Run("window", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := wide
			l.Window = 64 << 10 // each 100 ms: 655 kB/s
			_, all, _ := carried(t, l, 0, 6_553_600, open)
			between(t, "6.5 MB", all, 10*time.Second, 10700*ms)
		})
	})
	t.Run("rate", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, all, _ := carried(t, wide, 8e6, 10_000_000, open)
			between(t, "10 MB at 8 Mbit/s", all, 10*time.Second, 10700*ms)
		})
	})
	t.Run("loss", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := wide
			l.Loss = 0.001
			_, all, losses := carried(t, l, 0, 50_000_000, open)
			// MSS/RTT * 1.22/sqrt(p) is 559 kB/s, so 89 s; timeouts take some, and slow start gives some.
			between(t, "50 MB", all, 45*time.Second, 180*time.Second)
			if losses < 15 || losses > 70 {
				t.Errorf("%d losses of 34,530 segments, want about 35", losses)
			}
		})
	})
	t.Run("partition", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			until := time.Now().Add(3 * time.Second)
			healed := make(chan struct{})
			time.AfterFunc(3*time.Second, func() { close(healed) })
			first, _, _ := carried(t, wide, 0, 1000, func() <-chan struct{} {
				if time.Now().Before(until) {
					return healed
				}
				return nil
			})
			between(t, "the first byte", first, 3*time.Second, 3*time.Second)
		})
	})
}

// TestLineIsShared has two connections of one node share its line.
func TestLineIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := line{rate: 1e6}
		began := time.Now()
		done := make(chan time.Duration)
		for range 2 {
			go func() {
				for range 50 {
					_ = l.take(t.Context(), 10_000) // the context does not end
				}
				done <- time.Since(began)
			}()
		}
		for range 2 {
			if took := <-done; took < 980*time.Millisecond || took > time.Second {
				t.Errorf("half a megabyte of two on one line of 1 MB/s took %v, want a second", took)
			}
		}
	})
}

// echo serves what comes back to whoever sends it.
func echo(t testing.TB) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c) // the client finds what is wrong
				c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestEmulator connects through an emulator: bytes and ends come through, refusals too,
// nothing does while nodes are cut off, and a reset is one.
func TestEmulator(t *testing.T) {
	p, err := Parse("[link]\ndelay = \"1ms\"\n[[place]]\nname = \"a\"\n[[place]]\nname = \"b\"\n")
	if err != nil {
		t.Fatal(err)
	}
	e := New(p)
	defer e.Close()
	through, server := listen(t), echo(t)
	e.AddNode(server)
	go func() {
		if err := e.Serve(through); err != nil {
			t.Error(err)
		}
	}()
	forwarded := listen(t)
	go func() {
		if err := e.Forward(forwarded, "client", server); err != nil {
			t.Error(err)
		}
	}()
	dial := Dialer(through.Addr().String(), "client")
	echoes := func(c net.Conn) {
		t.Helper()
		defer c.Close()
		data := make([]byte, 1_000_000)
		_, _ = rand.NewChaCha8([32]byte{2}).Read(data)
		go func() {
			_, _ = c.Write(data) // what does not come back is found below
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes come back, %v, want %d", len(got), err, len(data))
		}
	}
	c, err := dial(t.Context(), "tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	echoes(c)
	if c, err = net.Dial("tcp", forwarded.Addr().String()); err != nil {
		t.Fatal(err)
	}
	echoes(c)
	if got := e.Counts(); got.Connections != 2 || got.Bytes != 4_000_000 {
		t.Errorf("%+v, want 2 connections and 4,000,000 bytes", got)
	}
	nobody := listen(t)
	nobody.Close()
	if _, err := dial(t.Context(), "tcp", nobody.Addr().String()); err == nil || !strings.Contains(err.Error(), nobody.Addr().String()) {
		t.Errorf("%v where nobody listens, want an error that says where", err)
	}

	e.Cut(server)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := dial(ctx, "tcp", server); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v of a node that is cut off, want context.DeadlineExceeded", err)
	}
	e.Cut()
	if c, err = dial(t.Context(), "tcp", server); err != nil {
		t.Fatal(err)
	}
	echoes(c)

	if c, err = dial(t.Context(), "tcp", server); err != nil {
		t.Fatal(err)
	}
	e.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%v when the emulator is closed, want a reset", err)
	}
}
