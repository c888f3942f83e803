/** The window: connects to its host, then shows the workbench. */
import './styles/tokens.css'
import './styles/elementBase.css'
import './styles/element.css'
import './styles/app.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { z } from 'zod'
import App from './App.vue'
import { connectHost } from './host/bridge.ts'
import { startRouter } from './router.ts'
import { startStores } from './stores/start.ts'
import { startTheme } from './theme.ts'

// the content security policy forbids the code that zod would otherwise generate
z.config({ jitless: true })
startTheme()
startRouter()
createApp(App).use(createPinia()).mount('#app')
void startStores(connectHost)
