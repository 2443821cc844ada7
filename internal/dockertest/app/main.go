// Command app is what runs in the containers of tests: a program that waits,
// ends with a code, or uses up memory, and needs no file beside itself.
package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	verb, argument := "wait", ""
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	if len(os.Args) > 2 {
		argument = os.Args[2]
	}
	switch verb {
	case "exit":
		code, _ := strconv.Atoi(argument)
		os.Exit(code)
	case "true": // a health check that is content
	case "deaf": // to SIGTERM
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Hour)
	default:
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
	}
}
