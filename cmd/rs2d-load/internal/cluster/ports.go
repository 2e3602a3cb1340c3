package cluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports outside the range from which systems choose those of outgoing connections:
// the address of a node that is dead stays free.
const firstPort, lastPort = 10000, 29999

// freeAddresses returns addresses on loopback that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	port := firstPort + rand.IntN(lastPort-firstPort)
	for tried := 0; len(addresses) < n; tried++ {
		if tried > lastPort-firstPort {
			return nil, errors.New("no free ports on 127.0.0.1")
		}
		if port++; port > lastPort {
			port = firstPort
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		addresses = append(addresses, l.Addr().String())
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
	return addresses, nil
}
