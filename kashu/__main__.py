from kashu.server.cli import main

main()
