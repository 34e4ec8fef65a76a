// Imported before everything else by each process that is started. Plain JavaScript, because what comes before the
// compile cache is on is compiled anew each time.
import module from 'node:module'

module.enableCompileCache()
