// A small web service, as people package them: one static program on the language's own HTTP
// server.  It answers, it can be made to need memory, and it ends in order on SIGTERM.
//
//	service             serve on port 8080
//	service get PATH    ask the service on this host, print what it says
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const port = ":8080"

var (
	requests atomic.Int64
	hoard    [][]byte
)

// hello says how many requests this process has answered: a restarted one begins again.
func hello(w http.ResponseWriter, r *http.Request) {
	host, _ := os.Hostname()
	fmt.Fprintf(w, "hello from %s, request %d\n", host, requests.Add(1))
}

// fill takes so many MiB of memory, every page of them, and keeps them.
func fill(w http.ResponseWriter, r *http.Request) {
	mib, err := strconv.Atoi(r.URL.Query().Get("mib"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for i := 0; i < mib; i++ {
		piece := make([]byte, 1<<20)
		for at := 0; at < len(piece); at += 4096 {
			piece[at] = 1
		}
		hoard = append(hoard, piece)
	}
	fmt.Fprintf(w, "%d MiB kept\n", len(hoard))
}

func serve() error {
	mux := http.NewServeMux()
	mux.HandleFunc("/", hello)
	mux.HandleFunc("/fill", fill)
	server := &http.Server{Addr: port, Handler: mux}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		<-stop.Done()
		server.Shutdown(context.Background())
	}()
	fmt.Println("serving on", port)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	fmt.Println("served", requests.Load())
	return nil
}

func get(path string) error {
	client := &http.Client{Timeout: time.Minute}
	answer, err := client.Get("http://127.0.0.1" + port + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}

func main() {
	var err error
	switch {
	case len(os.Args) == 1:
		err = serve()
	case len(os.Args) == 3 && os.Args[1] == "get":
		err = get(os.Args[2])
	default:
		err = fmt.Errorf("usage: service [get PATH]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}
