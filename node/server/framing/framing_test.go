package framing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// received reads what comes on a connection in pieces of some length.
func received(text string, piece int) (read string, err error) {
	var r Requests
	from := strings.NewReader(text)
	for p := make([]byte, piece); ; {
		n, err := r.Read(from, p)
		if read += string(p[:n]); err == io.EOF {
			return read, nil
		} else if err != nil {
			if again, still := r.Read(from, p); again != 0 || still != err {
				return read, fmt.Errorf("read on: %d bytes, %w", again, still)
			}
			return read, err
		}
	}
}

const (
	get  = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	head = "PUT / HTTP/1.1\r\nHost: x\r\n"
)

func TestRequests(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       error
		end        string // what of the text is not read, at least
	}{
		{"one", get, nil, ""},
		{"bodies", head + "Content-Length: 3\r\n\r\n\n\r\x00" + head + "content-length:0 \r\n\r\n" + get, nil, ""},
		{"empty lines between", get + "\r\n\r\n" + get, nil, ""},
		{"a long field", head + "Cookie: " + strings.Repeat("x", 1000) + ": Content-Length\r\nContent-Length: 1\r\n\r\n\n" + get, nil, ""},
		{"chunked", head + "Transfer-Encoding: chunked\r\n\r\n0\n\nwhatever\n comes\n", nil, ""},

		{"LF after the first line", "GET / HTTP/1.1\nHost: x\r\n\r\n", ErrLineEnd, "\nHost: x\r\n\r\n"},
		{"LF in a field", head + "X: a\nContent-Length: 5\r\n\r\n", ErrLineEnd, "\nContent-Length: 5\r\n\r\n"},
		{"LF for the end", head + "\n", ErrLineEnd, "\n"},
		{"CR in a field", head + "X: a\rContent-Length: 5\r\n\r\n", ErrLineEnd, "Content-Length: 5\r\n\r\n"},
		{"two CR", head + "\r\r\n", ErrLineEnd, "\r\n"},
		{"folded", head + "X: a\r\n Content-Length: 5\r\n\r\n", ErrFolded, "\n\r\n"},
		{"folded with a tab", head + "X: a\r\n\tb\r\n\r\n", ErrFolded, "\n\r\n"},
		{"a space before the colon", head + "Content-Length : 5\r\n\r\n", ErrField, "\n\r\n"},
		{"no colon", head + "Content-Length\r\n\r\n", ErrField, "\n\r\n"},
		{"no name", head + ": 5\r\n\r\n", ErrField, "\n\r\n"},
		{"a name of bytes", head + "Content-Length\x0b: 5\r\n\r\n", ErrField, "\n\r\n"},
		{"a long name", head + strings.Repeat("x", 100) + " : 5\r\n\r\n", nil, ""}, // the server's to refuse
		{"a signed length", head + "Content-Length: +5\r\n\r\n", ErrLength, "\n\r\n"},
		{"an empty length", head + "Content-Length:\r\n\r\n", ErrLength, "\n\r\n"},
		{"a list of lengths", head + "Content-Length: 5, 5\r\n\r\n", ErrLength, "\n\r\n"},
		{"a length far away", head + "Content-Length:" + strings.Repeat(" ", 100) + "5\r\n\r\n", ErrLength, "\n\r\n"},
		{"a length beyond all", head + "Content-Length: 9223372036854775808\r\n\r\n", ErrLength, "\n\r\n"},
		{"equal lengths", head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", ErrAmbiguous, "\n\r\n"},
		{"length and encoding", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", ErrAmbiguous, "\n\r\n"},
		{"encoding and length", head + "TRANSFER-ENCODING: chunked\r\nContent-Length: 5\r\n\r\n", ErrAmbiguous, "\n\r\n"},
		{"two encodings", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", ErrAmbiguous, "\n\r\n"},
		{"after a body", head + "Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\n", ErrLineEnd, "\n"},
	} {
		for piece := range len(c.text) {
			read, err := received(c.text, piece+1)
			if !errors.Is(err, c.want) || read+c.end != c.text {
				t.Errorf("%s, in pieces of %d: %q was read, %v; want all but %q, and %v", c.name, piece+1, read, err, c.end, c.want)
				break
			}
		}
	}
}

// FuzzRequests compares where requests end with what net/http says, of all that is let pass.
func FuzzRequests(f *testing.F) {
	f.Add([]byte(get + get))
	f.Add([]byte(head + "Content-Length: 3\r\n\r\nabc" + get))
	f.Add([]byte(head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	f.Add([]byte(head + "X: a\nContent-Length: 5\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Requests
		n := r.check(data)
		for rest := data[:n]; len(rest) > 0; {
			from := bytes.NewReader(rest)
			buffered := bufio.NewReader(from)
			request, err := http.ReadRequest(buffered)
			if err != nil || len(request.TransferEncoding) > 0 || !request.ProtoAtLeast(1, 1) {
				return // the server ends the connection
			}
			length := request.ContentLength
			if _, err := io.Copy(io.Discard, request.Body); err != nil {
				return
			}
			used := len(rest) - from.Len() - buffered.Buffered()
			var one Requests
			if n := one.check(rest[:used]); n != used || one.err != nil || one.begun || one.left > 0 || one.last || one.n > 0 {
				t.Fatalf("%q, with a body of %d: %d bytes, %v, begun %v, %d left: want a request's end", rest[:used], length, n, one.err, one.begun, one.left)
			}
			rest = rest[used:]
		}
	})
}
