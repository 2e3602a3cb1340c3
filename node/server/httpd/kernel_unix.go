//go:build linux || darwin

package httpd

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnsent bounds what the system keeps of what was written to a connection and not
// sent, for want of a reader. What is on its way is as much as the path can hold, so
// nobody who reads is slower for it.
func limitUnsent(c net.Conn, bytes int) {
	of, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes) // not TCP, or an old system
	})
}

// writeNow writes what the system takes at once, and returns how much that is. What is
// wrong with the connection shows when the rest is written.
func writeNow(c net.Conn, b []byte) (n int) {
	of, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Write(func(fd uintptr) bool {
		n, err = unix.Write(int(fd), b)
		return true
	})
	if err != nil {
		return 0
	}
	return n
}
