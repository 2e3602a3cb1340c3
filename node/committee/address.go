package committee

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ErrAddress is returned when an address is not one at which others can reach a node.
var ErrAddress = errors.New("committee: invalid address")

// CheckAddress says what is wrong with the address of a node, HOST:PORT, at which
// others are to reach it. The error wraps ErrAddress.
func CheckAddress(address string) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %q "+format, append([]any{ErrAddress, address}, args...)...)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return wrong("is not HOST:PORT, such as storage.example.org:7100 or [2001:db8::1]:7100")
	}
	if host == "" {
		return wrong("names no host: give the name or IP address by which other nodes reach this one")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		switch {
		case ip.IsUnspecified():
			return wrong("is every address of a machine and leads nowhere: give the one by which other nodes reach this one")
		case ip.IsMulticast():
			return wrong("is of a group of machines: give the one of this node")
		}
	} else if !isHostName(host) {
		return wrong("names the host %q: a name has letters, digits, hyphens and dots", host)
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p == 0 || port != strconv.FormatUint(p, 10) {
		return wrong("has the port %q: a port is a number from 1 to 65535", port)
	}
	return nil
}

// isHostName reports whether the name can be that of a host, by RFC 1123 with
// underscores.
func isHostName(name string) bool {
	const maxName, maxLabel = 253, 63
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	// What ends in a number is an IP address, and this one is malformed.
	last := name[strings.LastIndexByte(name, '.')+1:]
	_, err := strconv.ParseUint(last, 10, 64)
	return err != nil
}
