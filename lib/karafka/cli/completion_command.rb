# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka completion SHELL`: a script that completes commands and options, made from what the commands declare.
    class CompletionCommand
      SHELLS = %w[bash zsh fish].freeze

      # @param shell [String] of {SHELLS}
      # @param out [IO]
      # @param commands [Class<Thor>]
      def initialize(shell, out: $stdout, commands: Commands)
        @shell = shell
        @out = out
        @commands = commands
      end

      # @return [Integer] exit status
      # @raise [Errors::CommandError]
      def call
        unless SHELLS.include?(@shell)
          raise Errors::CommandError,
                "no completion for #{@shell.inspect}; there is one for #{SHELLS.join(", ")}"
        end

        @out.puts(send(@shell))
        OK
      end

      private

      # @return [Hash{String=>Hash{String=>String}}] the words before the cursor => what may follow, with its description
      def words = @words ||= words_of(@commands)

      def words_of(commands, path = "")
        visible = commands.all_commands.reject { |_, command| command.hidden? }
        result = { path => visible.transform_values(&:description) }
        visible.each do |name, command|
          below = [path, name].reject(&:empty?).join(" ")
          nested = commands.subcommand_classes[name]
          result.merge!(nested ? words_of(nested, below) : { below => options(command) })
        end
        result
      end

      def options(command)
        command.options.values.reject(&:hide).to_h { |option| [option.switch_name, option.description.to_s] }
               .merge("--help" => "Show the command's help")
      end

      def known = words.keys.map(&:inspect).join("|")

      def bash
        cases = words.map { |path, following| "    #{path.inspect}) words=#{following.keys.join(" ").inspect} ;;" }
        <<~BASH
          # karafka completion bash > /etc/bash_completion.d/karafka
          _karafka() {
            local current="${COMP_WORDS[COMP_CWORD]}" path="" word words=""
            for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
              [[ $word == -* ]] || path="${path:+$path }$word"
            done
            # What is typed after a command are its arguments, which say nothing about what may follow.
            while [[ -n $path ]]; do
              case "$path" in
                #{known}) break ;;
                *) if [[ $path == *" "* ]]; then path="${path% *}"; else path=""; fi ;;
              esac
            done
            case "$path" in
          #{cases.join("\n")}
            esac
            COMPREPLY=($(compgen -W "$words" -- "$current"))
          }
          complete -o default -F _karafka karafka
        BASH
      end

      def zsh
        cases = words.map do |path, following|
          described = following.map { |word, text| "'#{word}:#{text.delete("':")}'" }
          "    #{path.inspect}) words_here=(#{described.join(" ")}) ;;"
        end
        <<~ZSH
          #compdef karafka
          # karafka completion zsh > "${fpath[1]}/_karafka"
          _karafka() {
            local path_here="" word
            local -a words_here
            for word in "${words[@]:1:$((CURRENT-2))}"; do
              [[ $word == -* ]] || path_here="${path_here:+$path_here }$word"
            done
            while [[ -n $path_here ]]; do
              case "$path_here" in
                #{known}) break ;;
                *) if [[ $path_here == *" "* ]]; then path_here="${path_here% *}"; else path_here=""; fi ;;
              esac
            done
            case "$path_here" in
          #{cases.join("\n")}
            esac
            _describe 'karafka' words_here
          }
          compdef _karafka karafka
        ZSH
      end

      def fish
        lines = words.flat_map do |path, following|
          condition = path.empty? ? "__fish_use_subcommand" : "__fish_seen_subcommand_from #{path.split.last}"
          following.map do |word, text|
            kind = word.start_with?("--") ? "-l #{word.delete_prefix("--")}" : "-f -a #{word}"
            "complete -c karafka -n #{condition.inspect} #{kind} -d '#{text.delete("'")}'"
          end
        end
        ["# karafka completion fish > ~/.config/fish/completions/karafka.fish", *lines].join("\n")
      end
    end
  end
end
