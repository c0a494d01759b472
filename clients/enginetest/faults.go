package enginetest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sori/stage"
)

// Fault is one way in which an engine fails before it gives anything useful.
type Fault struct {
	Name    string
	Code    string // what a client has to make of it
	Handler http.HandlerFunc
}

// Faults are the ways in which any engine fails. begin is the beginning of a
// good answer's body, too short to be of use.
func Faults(begin string) []Fault {
	status := func(name string, status int, body, code string) Fault {
		return Fault{Name: name, Code: code, Handler: func(w http.ResponseWriter, r *http.Request) {
			swallow(r)
			w.WriteHeader(status)
			write(w, body)
		}}
	}
	return []Fault{
		status("500", 500, `{"error":{"message":"CUDA out of memory"}}`, stage.CodeStatus),
		status("500 as a web page", 500, "<html><body>Traceback</body></html>", stage.CodeStatus),
		status("502", 502, "", stage.CodeStatus),
		status("404", 404, `{"detail":"Not Found"}`, stage.CodeStatus),
		status("400", 400, `{"error":"bad input"}`, stage.CodeRejected),
		status("413", 413, "too large", stage.CodeRejected),
		status("422 of FastAPI", 422, `{"detail":[{"loc":["body","text"],"msg":"field required","input":"SECRET WORDS"}]}`, stage.CodeRejected),
		status("401", 401, `{"error":{"message":"Incorrect API key: sk-SECRET"}}`, stage.CodeUnauthorized),
		status("403", 403, "", stage.CodeUnauthorized),
		status("429", 429, "", stage.CodeBusy),
		status("503", 503, `{"error":{"message":"Loading model"}}`, stage.CodeBusy),
		{Name: "hangs", Code: stage.CodeTimeout, Handler: func(_ http.ResponseWriter, r *http.Request) {
			swallow(r)
			<-r.Context().Done()
		}},
		{Name: "hangs after the header", Code: stage.CodeTimeout, Handler: func(w http.ResponseWriter, r *http.Request) {
			swallow(r)
			w.WriteHeader(http.StatusOK)
			flush(w)
			<-r.Context().Done()
		}},
		{Name: "hangs in an error's body", Code: stage.CodeStatus, Handler: func(w http.ResponseWriter, r *http.Request) {
			swallow(r)
			w.WriteHeader(http.StatusInternalServerError)
			write(w, `{"error":`)
			flush(w)
			<-r.Context().Done()
		}},
		{Name: "drips a byte of the header a second", Code: stage.CodeTimeout, Handler: raw(func(c net.Conn) {
			drip(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Padding: "+string(make([]byte, 200))+"\r\n\r\n")
		})},
		{Name: "drips a byte of the body a second", Code: stage.CodeTimeout, Handler: raw(func(c net.Conn) {
			send(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
			for drip(c, begin) {
			}
		})},
		{Name: "closes before the header", Code: stage.CodeUnreachable, Handler: raw(func(net.Conn) {})},
		{Name: "closes in the header", Code: stage.CodeUnreachable, Handler: raw(func(c net.Conn) { send(c, "HTTP/1.1 200 OK\r\nContent-Ty") })},
		{Name: "closes in the body", Code: stage.CodeCutOff, Handler: raw(func(c net.Conn) {
			send(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"+begin)
		})},
		{Name: "closes in a chunk of the body", Code: stage.CodeCutOff, Handler: raw(func(c net.Conn) {
			send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"+begin)
		})},
		{Name: "is no HTTP server", Code: stage.CodeBadReply, Handler: raw(func(c net.Conn) { send(c, "SSH-2.0-OpenSSH_9.2\r\n") })},
		{Name: "answers with a web page", Code: stage.CodeBadReply, Handler: func(w http.ResponseWriter, r *http.Request) {
			swallow(r)
			w.Header().Set("Content-Type", "text/html")
			write(w, "<!DOCTYPE html>\n<html><title>Welcome to nginx</title></html>")
		}},
		{Name: "redirects to another host", Code: stage.CodeStatus, Handler: func(w http.ResponseWriter, r *http.Request) {
			swallow(r)
			http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusTemporaryRedirect)
		}},
		{Name: "redirects and drops the body", Code: stage.CodeStatus, Handler: func(w http.ResponseWriter, r *http.Request) {
			swallow(r)
			http.Redirect(w, r, "/other", http.StatusFound)
		}},
		{Name: "redirects to itself", Code: stage.CodeStatus, Handler: func(w http.ResponseWriter, r *http.Request) {
			swallow(r)
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}},
	}
}

// raw serves a request by hand and then closes the connection.
func raw(serve func(net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		swallow(r)
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(fmt.Sprintf("hijack: %v", err))
		}
		serve(c)
		_ = c.Close() // it is gone one way or the other
	}
}

// drip sends s a byte a second, and says whether anybody still listens.
func drip(c net.Conn, s string) bool {
	for i := range len(s) {
		if _, err := io.WriteString(c, s[i:i+1]); err != nil {
			return false
		}
		time.Sleep(time.Second)
	}
	return true
}

// send sends s; whether anybody listens is for the client's side to see.
func send(c net.Conn, s string) { _, _ = io.WriteString(c, s) }

func write(w http.ResponseWriter, s string) { _, _ = io.WriteString(w, s) }

// swallow reads the request to its end, as engines do before they answer.
func swallow(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
